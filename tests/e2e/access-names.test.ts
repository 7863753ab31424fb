import { request } from 'node:http';
import { expect } from 'chai';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { AccessServiceDefinition } from '../../gen/keelson/access/v1/access_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { rejection } from '../support/rejection.js';

/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
const TEST_MS_MAX = 60_000;
const SECRET = 'collections/secret/documents/s';
const HIDDEN = 'nobody else may read this';

/** Names that begin with what the caller has, and mean what it does not have to whoever resolves them. */
const WAYS_OUT = [
  'collections/orders/../secret/documents/s',
  'collections/orders/documents/../../secret/documents/s',
  'collections/orders/./../secret/documents/s',
  'collections/orders/..;/secret/documents/s',
  'collections/orders/%2e%2e/secret/documents/s',
  'collections/orders%2F..%2Fsecret/documents/s',
  'collections/orders%252F..%252Fsecret/documents/s',
  'collections/orders%5C..%5Csecret/documents/s',
  'collections/orders\\..\\secret/documents/s',
  'collections/orders//../secret/documents/s',
  'collections/orders/\u2025/secret/documents/s',
  'collections/orders/\uff0e\uff0e/secret/documents/s',
  'collections/orders\u2215..\u2215secret/documents/s',
  'collections/orders\uff0f..\uff0fsecret/documents/s',
  'collections/orders\0/../secret/documents/s',
  'collections/orders/documents/o\n/../../secret/documents/s',
];

/** Names that look like one that is there, or are it but for what is often passed over. */
const LOOK_ALIKES = [
  'collections/secret/documents/s/',
  'collections/secret//documents/s',
  'collections//secret/documents/s',
  '/collections/secret/documents/s',
  '//collections/secret/documents/s',
  'collections/secret/documents/s ',
  'collections/secret/documents/s%00',
  'collections/secret/documents/s\0',
  'collections/secret/documents/./s',
  'collections/s\u0435cret/documents/s',
  'collections/\uff53ecret/documents/s',
  'collections/secret\u200b/documents/s',
  'collections/secret\u00ad/documents/s',
  'collections/secre\u0074\u0301/documents/s',
  'collections/secret/documents/\u017f',
  'collections%2Fsecret/documents/s',
  'collections/secret%2Fdocuments/s',
];

/** Well formed, and names of something else. */
const OTHER_CASES = ['Collections/secret/documents/s', 'COLLECTIONS/SECRET/DOCUMENTS/S', 'collections/Secret'];

const ROLES = [
  'roles/../roles/owner',
  'roles/mine/../owner',
  'roles/owner/',
  'roles//owner',
  '/roles/owner',
  'roles/Owner',
  'roles/OWNER',
  'roles/owner%00',
  'roles/owner\0',
  'roles/ owner',
  'roles%2Fowner',
  'roles/%6fwner',
  'roles/\u043ewner',
  'roles/\uff4fwner',
  'roles/owner\u200b',
  'roles/*',
  '*',
  'owner',
];

type Clients = ServiceClient<typeof AccessPolicyServiceDefinition> &
  ServiceClient<typeof AccessServiceDefinition> &
  ServiceClient<typeof DocumentServiceDefinition>;

// Ada administers access, and holds herself only what is below `collections/orders`.
describe('A name that is not what it looks like', function () {
  this.timeout(TEST_MS_MAX);
  let app: TestApp;
  let owner: Clients;
  let ada: Clients;
  let adaName: string;
  let adaToken: string;
  const closing: { close(): void }[] = [];

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp();
    owner = clientsOf(app.token);
    const identity = createClient(IdentityServiceDefinition, { address: app.address, token: app.token });
    closing.push(identity);
    ({ name: adaName } = await identity.createServiceAccount({ serviceAccountId: 'ada', serviceAccount: {} }));
    ({ token: adaToken } = await identity.createApiKey({ parent: adaName, apiKey: {} }));
    ada = clientsOf(adaToken);
    await owner.createBinding({ binding: { member: adaName, role: 'roles/access-admin', resource: '*' } });
    await owner.createBinding({
      bindingId: 'own',
      binding: { member: adaName, role: 'roles/editor', resource: 'collections/orders' },
    });
    for (const parent of ['collections/orders', 'collections/secret']) {
      const document = { fields: { text: HIDDEN } };
      await owner.createDocument({ parent, documentId: parent === 'collections/secret' ? 's' : 'o', document });
    }
    expect((await ada.getDocument({ name: 'collections/orders/documents/o' })).name).to.match(/o$/);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const client of closing) client.close();
    await app.close();
  });

  function clientsOf(token: string): Clients {
    const options = { address: app.address, token };
    const policy = createClient(AccessPolicyServiceDefinition, options);
    const access = createClient(AccessServiceDefinition, options);
    const documents = createClient(DocumentServiceDefinition, options);
    closing.push(policy, access, documents);
    return { ...documents, ...access, ...policy };
  }

  /** Sends a path as it is, which `fetch` would tidy first. */
  function send(method: string, path: string, token: string, body?: object): Promise<{ status: number; text: string }> {
    const { hostname, port } = new URL(app.http);
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const sent = request({ hostname, port, method, path, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** A name as it can stand in the first line of a request: encoded, and as it is as far as that is allowed. */
  const pathsOf = (name: string) => [encodeURI(name), encodeURIComponent(name), name].filter((p) => /^[!-~]+$/.test(p));

  async function expectNothingGained(): Promise<void> {
    const check = { principal: adaName, permission: 'documents.documents.get', resource: SECRET };
    expect((await owner.checkAccess({ check })).allowed).to.equal(false);
    expect((await rejection(ada.getDocument({ name: SECRET }), CallError)).reason).to.equal('PERMISSION_DENIED');
  }

  describe('of a document', () => {
    for (const name of [...WAYS_OUT, ...LOOK_ALIKES, ...OTHER_CASES]) {
      it(`opens nothing over gRPC: ${JSON.stringify(name)}`, async () => {
        for (const client of [ada, owner]) {
          const { reason } = await rejection(client.getDocument({ name }), CallError);
          expect(reason).to.be.oneOf(['INVALID_REQUEST', 'PERMISSION_DENIED', 'RESOURCE_NOT_FOUND']);
        }
      });

      it(`opens nothing over HTTP: ${JSON.stringify(name)}`, async () => {
        for (const path of pathsOf(name)) {
          const { status, text } = await send('GET', `/v1/${path}`, adaToken);
          expect(status, path).to.be.within(400, 404);
          expect(text, path).not.to.include(HIDDEN);
        }
      });
    }
  });

  describe('in a binding', () => {
    afterEach(expectNothingGained);

    const more = ['collections/orders/..', '..', '.', 'collections/', '/', '**', 'collections/*', '', ' *', '*/'];
    for (const resource of [...WAYS_OUT, ...LOOK_ALIKES, ...more]) {
      it(`is refused as the resource, to everybody: ${JSON.stringify(resource)}`, async () => {
        for (const client of [ada, owner]) {
          const binding = { member: adaName, role: 'roles/editor', resource };
          const name = 'bindings/own';
          const reasons = [
            (await rejection(client.createBinding({ binding }), CallError)).reason,
            (await rejection(client.updateBinding({ binding: { ...binding, name } }), CallError)).reason,
          ];
          expect(reasons).to.deep.equal(['INVALID_REQUEST', 'INVALID_REQUEST']);
        }
        const overHttp = [
          await send('POST', '/v1/bindings', adaToken, { member: adaName, role: 'roles/editor', resource }),
          await send('PATCH', '/v1/bindings/own?updateMask=resource', adaToken, { resource }),
        ];
        for (const { status, text } of overHttp) expect(status, text).to.equal(400);
      });
    }

    for (const resource of OTHER_CASES) {
      it(`is as the resource what it says, and not what it looks like: ${JSON.stringify(resource)}`, async () => {
        const binding = { member: adaName, role: 'roles/editor', resource };
        const { reason } = await rejection(ada.createBinding({ binding }), CallError);
        expect(reason).to.equal('GRANT_EXCEEDS_CALLER');
        await owner.createBinding({ binding });
      });
    }

    for (const role of ROLES) {
      it(`is refused as the role: ${JSON.stringify(role)}`, async () => {
        const binding = { member: adaName, role, resource: 'collections/orders' };
        for (const client of [ada, owner]) {
          expect((await rejection(client.createBinding({ binding }), CallError)).reason).to.equal('INVALID_REQUEST');
          const update = client.updateBinding({ binding: { ...binding, name: 'bindings/own' } });
          expect((await rejection(update, CallError)).reason).to.equal('INVALID_REQUEST');
        }
        expect((await send('POST', '/v1/bindings', adaToken, binding)).status).to.equal(400);
      });

      it(`is no role that can be made, changed or read: ${JSON.stringify(role)}`, async () => {
        const content = { name: role, permissions: ['access.*'] };
        const roleId = role.replace('roles/', '');
        for (const client of [ada, owner]) {
          expect((await rejection(client.createRole({ roleId, role: content }), CallError)).reason).to.equal(
            roleId === 'owner' ? 'RESOURCE_EXISTS' : 'INVALID_REQUEST',
          );
          expect((await rejection(client.updateRole({ role: content }), CallError)).reason).to.equal('INVALID_REQUEST');
        }
        for (const path of pathsOf(role)) {
          expect((await send('PATCH', `/v1/${path}`, adaToken, content)).status, path).to.be.within(400, 404);
        }
      });
    }

    for (const name of [
      'bindings/../bindings/own',
      'bindings/own/',
      'bindings//own',
      'bindings%2Fown',
      'bindings/\u043ewn',
    ]) {
      it(`names no binding: ${JSON.stringify(name)}`, async () => {
        for (const client of [ada, owner]) {
          expect((await rejection(client.deleteBinding({ name }), CallError)).reason).to.equal('INVALID_REQUEST');
        }
        for (const path of pathsOf(name)) {
          expect((await send('DELETE', `/v1/${path}`, adaToken)).status, path).to.be.within(400, 404);
        }
      });
    }
  });
});
