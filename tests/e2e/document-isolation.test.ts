import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { OperationsDefinition } from '../../gen/google/longrunning/operations.js';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { CollectionServiceDefinition } from '../../gen/keelson/documents/v1/collection_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { callRaw } from '../support/raw-call.js';

const HOOK_MS_MAX = 60_000;
const TEST_MS_MAX = 60_000;
const THERE = 'collections/b';
const IMPORT = '6f0c1d6e-4b0a-4a55-9f0e-3c1f8f1d2a77';

/** What is there, what is not, and how a name of either is taken out of an answer. All are as long as each other. */
const NAMES = [
  { parent: THERE, id: 'there', importId: IMPORT },
  { parent: THERE, id: 'away5', importId: '0d6f2b1c-7c3e-4e6b-8a1d-5b9e4f3a2c68' },
  { parent: 'collections/z', id: 'there', importId: IMPORT },
] as const;

type Asked = (typeof NAMES)[number];

type Requests<Method extends string = string> = Readonly<Record<Method, (asked: Asked) => object>>;

/** For each method, a request for a name. */
const OF_DOCUMENTS: Requests<keyof typeof DocumentServiceDefinition.methods> = {
  createDocument: ({ parent, id }) => ({ parent, documentId: id, document: { fields: { n: 1 } } }),
  getDocument: ({ parent, id }) => ({ name: `${parent}/documents/${id}` }),
  listDocuments: ({ parent, id }) => ({ parent, filter: `name = "${parent}/documents/${id}"` }),
  updateDocument: ({ parent, id }) => ({ document: { name: `${parent}/documents/${id}`, fields: { n: 1 } } }),
  deleteDocument: ({ parent, id }) => ({ name: `${parent}/documents/${id}`, etag: 'other' }),
  batchGetDocuments: ({ parent, id }) => ({ parent, names: [`${parent}/documents/${id}`] }),
  queryDocuments: ({ parent, id }) => ({ parent, filter: `name = "${parent}/documents/${id}"` }),
  countDocuments: ({ parent, id }) => ({ parent, filter: `name = "${parent}/documents/${id}"` }),
  aggregateDocuments: ({ parent }) => ({ parent, aggregations: [{ alias: 'n', function: 1 }] }),
  commitDocuments: ({ parent, id }) => ({
    parent,
    writes: [{ operation: { $case: 'delete', value: `${parent}/documents/${id}` } }],
  }),
  watchDocuments: ({ parent }) => ({ parent, initialState: true }),
  importDocuments: ({ parent, id, importId }) => ({
    parent,
    importId,
    items: [{ documentId: id, content: { $case: 'json', value: '{}' } }],
  }),
  getImport: ({ parent, importId }) => ({ name: `${parent}/imports/${importId}` }),
  exportDocuments: ({ parent }) => ({ parent }),
};

const OF_COLLECTIONS: Requests<Exclude<keyof typeof CollectionServiceDefinition.methods, 'listCollections'>> = {
  createCollection: ({ parent }) => ({ collectionId: parent.slice('collections/'.length), collection: {} }),
  getCollection: ({ parent }) => ({ name: parent }),
  updateCollection: ({ parent }) => ({ collection: { name: parent, ttlField: 'fields.until' } }),
  deleteCollection: ({ parent }) => ({ name: parent, force: true }),
  createIndex: ({ parent, id }) => ({ parent, indexId: id, index: { orderBy: 'fields.n' } }),
  getIndex: ({ parent, id }) => ({ name: `${parent}/indexes/${id}` }),
  listIndexes: ({ parent }) => ({ parent }),
  deleteIndex: ({ parent, id }) => ({ name: `${parent}/indexes/${id}` }),
};

/** The operation that is there has the id that the server gave it. */
let operationId = '';
const operationOf = ({ parent, importId }: Asked) =>
  `operations/${parent}/${importId === IMPORT ? operationId : importId}`;

const OF_OPERATIONS: Requests<keyof typeof OperationsDefinition.methods> = {
  listOperations: ({ parent }) => ({ name: `operations/${parent}` }),
  getOperation: (asked) => ({ name: operationOf(asked) }),
  deleteOperation: (asked) => ({ name: operationOf(asked) }),
  cancelOperation: (asked) => ({ name: operationOf(asked) }),
  waitOperation: (asked) => ({ name: operationOf(asked) }),
};

interface Service {
  readonly definition: { readonly fullName: string; readonly methods: object };
  readonly requests: Requests;
}

const SERVICES: readonly Service[] = [
  { definition: DocumentServiceDefinition, requests: OF_DOCUMENTS },
  { definition: CollectionServiceDefinition, requests: OF_COLLECTIONS },
  { definition: OperationsDefinition, requests: OF_OPERATIONS },
];

/** The same over REST: a method, a path, and a body. */
const ROUTES: Readonly<Record<string, (asked: Asked) => readonly [string, string, object?]>> = {
  create: ({ parent, id }) => ['POST', `${parent}/documents?documentId=${id}`, { fields: { n: 1 } }],
  get: ({ parent, id }) => ['GET', `${parent}/documents/${id}`],
  list: ({ parent }) => ['GET', `${parent}/documents`],
  update: ({ parent, id }) => ['PATCH', `${parent}/documents/${id}`, { fields: { n: 1 } }],
  delete: ({ parent, id }) => ['DELETE', `${parent}/documents/${id}`],
  batchGet: ({ parent, id }) => ['GET', `${parent}/documents:batchGet?names=${parent}/documents/${id}`],
  query: ({ parent }) => ['GET', `${parent}/documents:query`],
  count: ({ parent }) => ['GET', `${parent}/documents:count`],
  aggregate: ({ parent }) => ['POST', `${parent}/documents:aggregate`, { aggregations: [{ alias: 'n', function: 1 }] }],
  commit: ({ parent, id }) => [
    'POST',
    `${parent}/documents:commit`,
    { writes: [{ delete: `${parent}/documents/${id}` }] },
  ],
  watch: ({ parent }) => ['GET', `${parent}/documents:watch`],
  getImport: ({ parent, importId }) => ['GET', `${parent}/imports/${importId}`],
  export: ({ parent }) => ['GET', `${parent}/documents:export`],
  getCollection: ({ parent }) => ['GET', parent],
  updateCollection: ({ parent }) => ['PATCH', parent, { ttlField: 'fields.until' }],
  deleteCollection: ({ parent }) => ['DELETE', `${parent}?force=true`],
  createIndex: ({ parent, id }) => ['POST', `${parent}/indexes?indexId=${id}`, { orderBy: 'fields.n' }],
  getIndex: ({ parent, id }) => ['GET', `${parent}/indexes/${id}`],
  listIndexes: ({ parent }) => ['GET', `${parent}/indexes`],
  deleteIndex: ({ parent, id }) => ['DELETE', `${parent}/indexes/${id}`],
};

describe('isolation by name, on the embedded engine', () => testIsolation(() => ({})));

describeMongo('isolation by name, on MongoDB', (server) =>
  testIsolation(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testIsolation(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let token: string;
  let documents: ServiceClient<typeof DocumentServiceDefinition>;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    const identity = createClient(IdentityServiceDefinition, app);
    const policy = createClient(AccessPolicyServiceDefinition, app);
    const collections = createClient(CollectionServiceDefinition, app);
    documents = createClient(DocumentServiceDefinition, app);
    const account = await identity.createServiceAccount({ serviceAccountId: 'of-a', serviceAccount: {} });
    const binding = { member: account.name, role: 'roles/editor', resource: 'collections/a' };
    await policy.createBinding({ binding });
    ({ token } = await identity.createApiKey({ parent: account.name, apiKey: {} }));
    await collections.createCollection({ collectionId: 'b', collection: {} });
    const { name: building } = await collections.createIndex({
      parent: THERE,
      indexId: 'there',
      index: { orderBy: 'fields.n' },
    });
    operationId = building.slice(building.lastIndexOf('/') + 1);
    await documents.createDocument({ parent: 'collections/a', documentId: 'there', document: {} });
    await documents.importDocuments(
      (async function* () {
        const content = { $case: 'json', value: '{"secret":true}' } as const;
        yield { parent: THERE, importId: IMPORT, items: [{ documentId: 'there', content }] };
      })(),
    );
    for (const client of [identity, policy, collections]) client.close();
  });
  after(async function () {
    this.timeout(HOOK_MS_MAX);
    expect((await documents.getDocument({ name: `${THERE}/documents/there` })).fields).to.deep.equal({ secret: true });
    documents.close();
    await app.close();
  });

  const overGrpc = async ({ definition, requests }: Service, method: string, asked: Asked) => {
    const { requestType, path } = methodOf(definition, method);
    const message = requestType.encode(requestType.fromPartial(requests[method]?.(asked) ?? {})).finish();
    const body = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
    const answer = await callRaw(app.address, path, { headers: { authorization: `Bearer ${token}` }, body });
    return { status: answer.grpcStatus, ...sealed(asked, { ...answer, body: answer.body.toString('latin1') }) };
  };
  const overRest = async (route: string, asked: Asked) => {
    const [method, path, content] = ROUTES[route]?.(asked) ?? ['', ''];
    const response = await fetch(`${app.http}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(content && { 'content-type': 'application/json' }) },
      ...(content && { body: JSON.stringify(content) }),
    });
    const headers = Object.fromEntries(response.headers);
    return { status: response.status, ...sealed(asked, { headers, body: await response.text() }) };
  };

  it('lets the caller read what it may', async () => {
    const ours = createClient(DocumentServiceDefinition, { ...app, token });
    expect((await ours.getDocument({ name: 'collections/a/documents/there' })).name).to.include('/there');
    ours.close();
  });

  for (const service of SERVICES) {
    for (const method of Object.keys(service.requests)) {
      it(`tells the same of what is there and of what is not, by ${method} over gRPC`, async () => {
        const [there, away, elsewhere] = await Promise.all(NAMES.map((asked) => overGrpc(service, method, asked)));

        expect(there?.status, there?.text).to.equal('7');
        expect(away).to.deep.equal(there);
        expect(elsewhere).to.deep.equal(there);
      }).timeout(TEST_MS_MAX);
    }
  }

  for (const route of Object.keys(ROUTES)) {
    it(`tells the same of what is there and of what is not, by ${route} over REST`, async () => {
      const [there, away, elsewhere] = await Promise.all(NAMES.map((asked) => overRest(route, asked)));

      expect(there?.status, there?.text).to.equal(403);
      expect(away).to.deep.equal(there);
      expect(elsewhere).to.deep.equal(there);
    }).timeout(TEST_MS_MAX);
  }
}

function methodOf({ fullName, methods }: Service['definition'], method: string) {
  const { requestType, name } = Reflect.get(methods, method) as { requestType: MessageType; name: string };
  return { requestType, path: `/${fullName}/${name}` };
}

interface MessageType {
  fromPartial(partial: object): object;
  encode(message: object): { finish(): Uint8Array };
}

// What differs between any two calls: their ids, the time, and how far the log is, to which refusals add what the audit keeps.
const OF_THE_CALL = /[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|"(date|x-consistency-token)":"[^"]*"/g;

/** All that came back, with what was asked for and what is another in each call taken out; and how much it was. */
function sealed(asked: Asked, answer: object): { readonly text: string; readonly size: number } {
  const text = JSON.stringify(answer, (key, value: unknown) =>
    key === 'grpc-status-details-bin'
      ? Buffer.from(String(value), 'base64')
          .toString('latin1')
          .replaceAll(/[^ -~]/g, '.')
      : value,
  );
  const named = text
    .replaceAll(asked.parent, 'PARENT')
    .replaceAll(asked.id, 'ID')
    .replaceAll(asked.importId, 'GIVEN')
    .replaceAll(operationId, 'GIVEN');
  return { text: named.replaceAll(OF_THE_CALL, 'CALL'), size: text.length };
}
