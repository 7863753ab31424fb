import { credentials, Metadata, makeGenericClientConstructor, type ServiceError, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { HeaderValueOption_HeaderAppendAction } from '../../gen/envoy/config/core/v3/base.js';
import { AuthorizationDefinition, CheckRequest, CheckResponse } from '../../gen/envoy/service/auth/v3/external_auth.js';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';

/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
const MESH_NAME = 'spiffe://mesh.example/orders';
const ROUTE = { permission: 'documents.documents.get', resource_after: '/api/' };
const ORDER_PATH = '/api/collections/orders/documents/o-17?view=full';

describe('envoy.service.auth.v3.Authorization/Check', () => {
  let app: TestApp;
  let proxyToken: string;
  let token: string;
  const closing: { close(): void }[] = [];

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp();
    const options = { address: app.address, token: app.token };
    const identity = createClient(IdentityServiceDefinition, options);
    const policy = createClient(AccessPolicyServiceDefinition, options);
    closing.push(identity, policy);
    const account = async (serviceAccountId: string, certificateNames: string[]) => {
      const { name } = await identity.createServiceAccount({ serviceAccountId, serviceAccount: { certificateNames } });
      return { name, token: (await identity.createApiKey({ parent: name, apiKey: {} })).token };
    };
    const bind = (member: string, role: string, resource: string) =>
      policy.createBinding({ binding: { member, role, resource } });
    const proxy = await account('proxy', []);
    await policy.createRole({ roleId: 'asks', role: { permissions: ['access.decisions.check'] } });
    await bind(proxy.name, 'roles/asks', '*');
    const orders = await account('orders', [MESH_NAME]);
    await bind(orders.name, 'roles/viewer', 'collections/orders');
    [proxyToken, token] = [proxy.token, orders.token];
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const client of closing) client.close();
    await app.close();
  });

  interface Asked {
    readonly path?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly principal?: string;
    readonly settings?: Readonly<Record<string, string>>;
    readonly as?: string;
  }

  /** Asks as Envoy does. */
  function check({ path = ORDER_PATH, headers = {}, principal = '', settings = ROUTE, as = proxyToken }: Asked) {
    const method = AuthorizationDefinition.methods.check;
    const Client = makeGenericClientConstructor(
      {
        check: {
          path: `/${AuthorizationDefinition.fullName}/${method.name}`,
          requestStream: false,
          responseStream: false,
          requestSerialize: (message: CheckRequest) => Buffer.from(CheckRequest.encode(message).finish()),
          requestDeserialize: (bytes: Buffer) => CheckRequest.decode(bytes),
          responseSerialize: (message: CheckResponse) => Buffer.from(CheckResponse.encode(message).finish()),
          responseDeserialize: (bytes: Buffer) => CheckResponse.decode(bytes),
        },
      },
      'Authorization',
    );
    const client = new Client(app.address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${as}`);
    const request = CheckRequest.fromPartial({
      attributes: {
        source: { principal },
        request: { http: { method: 'GET', path, headers: new Map(Object.entries(headers)) } },
        contextExtensions: new Map(Object.entries(settings)),
      },
    });
    type Call = (
      request: CheckRequest,
      metadata: Metadata,
      done: (err: Error | null, answer: CheckResponse) => void,
    ) => void;
    return new Promise<CheckResponse>((resolve, reject) => {
      const call = client['check'] as unknown as Call;
      call.call(client, request, metadata, (err, answer) => {
        client.close();
        if (err) reject(err);
        else resolve(answer);
      });
    });
  }

  const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
  const codeOf = async (asked: Asked) => (await check(asked)).status?.code;

  it('lets a request pass whose caller may, by token or by certificate, and names the caller', async () => {
    for (const asked of [{ headers: bearer(token) }, { principal: MESH_NAME }]) {
      const { status: told, httpResponse } = await check(asked);

      expect(told?.code).to.equal(status.OK);
      const headers = httpResponse?.$case === 'okResponse' ? httpResponse.value.headers : [];
      expect(headers.map(({ header }) => header)).to.deep.equal([
        { key: 'x-keelson-caller', value: 'serviceAccounts/orders' },
      ]);
      // One that the request brought says nothing.
      const { OVERWRITE_IF_EXISTS_OR_ADD } = HeaderValueOption_HeaderAppendAction;
      expect(headers.map(({ appendAction }) => appendAction)).to.deep.equal([OVERWRITE_IF_EXISTS_OR_ADD]);
    }
  });

  it('denies with the answer that the client gets', async () => {
    const { status: told, httpResponse } = await check({ headers: bearer(token), path: '/api/collections/secrets' });
    const denied = httpResponse?.$case === 'deniedResponse' ? httpResponse.value : undefined;

    expect([told?.code, denied?.status?.code]).to.deep.equal([status.PERMISSION_DENIED, 403]);
    expect(JSON.parse(denied?.body ?? '')).to.have.nested.property('error.status', 'PERMISSION_DENIED');
    const unknown = await check({ headers: bearer(`${token}x`), principal: MESH_NAME });
    expect(unknown.httpResponse).to.have.nested.property('value.status.code', 401);
  });

  it('denies whatever is missing, or means another thing to somebody else', async () => {
    const headers = bearer(token);
    for (const asked of [
      { headers, settings: {} },
      { headers, settings: { permission: ROUTE.permission } },
      { headers, settings: { ...ROUTE, permission: '*' } },
      { headers, path: '/other/collections/orders' },
      { headers, path: '/api/' },
      { headers, path: '/api/collections/orders/../secrets' },
      { headers, path: '/api/collections/orders/%2e%2e/secrets' },
      { headers, path: '/api/collections/orders//documents' },
      { headers, path: '/api/collections/\u043erders' },
    ]) {
      expect(await codeOf(asked), JSON.stringify(asked)).to.equal(status.PERMISSION_DENIED);
    }
    expect(await codeOf({})).to.equal(status.UNAUTHENTICATED);
  });

  it('denies everybody, who may do everything as well, what is no permission', async () => {
    for (const permission of ['*', 'documents.*', 'documents.documents.*', 'documents.documents.', 'documents', '']) {
      const asked = { headers: bearer(app.token), settings: { ...ROUTE, permission } };
      expect(await codeOf(asked), permission).to.equal(status.PERMISSION_DENIED);
    }
    expect(await codeOf({ headers: bearer(app.token) })).to.equal(status.OK);
  });

  it('answers only those who may ask about others', async () => {
    const refused = await check({ headers: bearer(token), as: token }).catch((err: ServiceError) => err);

    expect(refused).to.have.property('code', status.PERMISSION_DENIED);
  });
});
