import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { CollectionServiceDefinition } from '../../gen/keelson/documents/v1/collection_service.js';
import {
  CreateDocumentRequest,
  DocumentServiceDefinition,
  ImportDocumentsRequest,
} from '../../gen/keelson/documents/v1/document_service.js';
import { FIELDS_MESSAGE_BYTES_MAX } from '../../src/repositories/documents/content.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { callRaw } from '../support/raw-call.js';

const HOOK_MS_MAX = 60_000;
const CASE_MS_MAX = 120_000;
const MIB = 1024 * 1024;
const PARENT = 'collections/hostile';
const NEIGHBOUR = `${PARENT}/documents/neighbour`;
/** What `{"s":""}` takes beside its text. */
const AROUND = 8;
/** What bytes that are no UTF-8 are put in place of. */
const MARK = 'QQ';
/** Numbers in one list of which each takes 11 bytes in a Struct, with 20 around them. */
const MESSAGE_NUMBERS_MAX = Math.floor((FIELDS_MESSAGE_BYTES_MAX - 20) / 11);

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const numbers = (count: number) => JSON.stringify({ n: Array.from({ length: count }, () => 1) });
const lists = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;

/** JSON texts of contents, which must come back as the same value. */
const FAITHFUL: Readonly<Record<string, string>> = {
  '30 levels of objects': nested(30),
  '29 levels of lists': lists(29),
  'the greatest and the least doubles': '{"a":1.7976931348623157e308,"b":5e-324,"c":-1.7976931348623157e308}',
  'numbers beside 2^53': '{"a":9007199254740991,"b":9007199254740993,"c":-0,"d":0.1,"e":1e21}',
  'names of prototypes':
    '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":0,"hasOwnProperty":1}',
  'operators of MongoDB': '{"$where":"while(true){}","$set":{"x":1},"a":{"$gt":""},"_id":5,"$expr":{"$function":"x"}}',
  'dots and dollars in keys': '{"a.b":1,"a":{"b":2},".":3,"..":4,"$":5,"a.$.b":6,"%2E":7,"%":8}',
  'empty and blank keys': '{"":1," ":2,"\\t":3,"\\u0000":4}',
  'text of SQL': '{"\\";DROP TABLE documents;--":"\'); DELETE FROM documents; --"}',
  'NULs and controls in text': '{"a":"\\u0000b\\u0001\\u001f\\u007f\\u2028\\u2029\\ufeff\\ufffe"}',
  'text beyond the basic plane': '{"\u{1f600}":"\u{10ffff}\\ud83d\\ude00"}',
  'a mebibyte to the byte': `{"s":"${'x'.repeat(MIB - AROUND)}"}`,
  'many keys': JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, n]))),
};

/** JSON texts that must be refused clearly. */
const REFUSED: Readonly<Record<string, string>> = {
  '31 levels of objects': nested(31),
  '10000 levels': nested(10_000),
  '100000 levels of lists': lists(100_000),
  'a number that no double holds': '{"a":1e400}',
  'a name twice': '{"a":1,"a":2}',
  'a name twice, once escaped': '{"ab":1,"\\u0061b":2}',
  'a name of a prototype twice': '{"__proto__":1,"__proto__":2}',
  'half a surrogate pair': '{"a":"\\ud800"}',
  'half a surrogate pair in a key': '{"\\udfff":1}',
  'a byte more than a mebibyte': `{"s":"${'x'.repeat(MIB - AROUND + 1)}"}`,
  'numbers that take more than a message as a Struct, and less than a mebibyte as JSON': numbers(
    MESSAGE_NUMBERS_MAX + 1,
  ),
  'no JSON': '{a:1}',
  'a list': '[1]',
  NaN: '{"a":NaN}',
};

describe('hostile values, on the embedded engine', () => testValues(() => ({})));

describeMongo('hostile values, on MongoDB', (server) =>
  testValues(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testValues(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let documents: ServiceClient<typeof DocumentServiceDefinition>;
  let serial = 0;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    documents = createClient(DocumentServiceDefinition, app);
    const collections = createClient(CollectionServiceDefinition, app);
    await collections.createCollection({ collectionId: 'hostile', collection: {} });
    await collections.createIndex({ parent: PARENT, indexId: 'a', index: { orderBy: 'fields.a, fields.`a.b` desc' } });
    collections.close();
    await documents.createDocument({ parent: PARENT, documentId: 'neighbour', document: { fields: { safe: true } } });
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    documents.close();
    await app.close();
  });

  afterEach('the neighbour is as it was', async () => {
    expect((await documents.getDocument({ name: NEIGHBOUR })).fields).to.deep.equal({ safe: true });
    expect(Reflect.get({}, 'polluted')).to.equal(undefined);
  });

  const post = (id: string, json: string) =>
    fetch(`${app.http}/v1/${PARENT}/documents?documentId=${id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' },
      body: `{"fields":${json}}`,
    });
  const importOne = (documentId: string, json: string) =>
    documents.importDocuments(
      (async function* () {
        yield { parent: PARENT, items: [{ documentId, content: { $case: 'json', value: json } as const }] };
      })(),
    );
  const read = async (id: string) => (await documents.getDocument({ name: `${PARENT}/documents/${id}` })).fields;
  const nextId = () => `d${(serial += 1)}`;

  it('bytes that are no UTF-8 are refused clearly, by every way in', async () => {
    const broken = (bytes: Uint8Array) => {
      const copy = Buffer.from(bytes);
      for (let at = copy.indexOf(MARK); at !== -1; at = copy.indexOf(MARK)) copy.write('\xff\xfe', at, 'latin1');
      return copy;
    };
    const [posted, created, imported] = [nextId(), nextId(), nextId()];
    const call = (method: string, message: Uint8Array) =>
      callRaw(app.address, `/${DocumentServiceDefinition.fullName}/${method}`, {
        headers: { authorization: `Bearer ${app.token}` },
        body: framed(broken(message)),
      });
    const creation = { parent: PARENT, documentId: created, document: { fields: { [MARK]: MARK } } };
    const item = { documentId: imported, content: { $case: 'json', value: `{"a":"${MARK}"}` } as const };

    const response = await fetch(`${app.http}/v1/${PARENT}/documents?documentId=${posted}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' },
      body: broken(Buffer.from(`{"fields":{"a":"${MARK}"}}`)),
    });
    const answers = await Promise.all([
      call('CreateDocument', CreateDocumentRequest.encode(CreateDocumentRequest.fromPartial(creation)).finish()),
      call(
        'ImportDocuments',
        ImportDocumentsRequest.encode(ImportDocumentsRequest.fromPartial({ parent: PARENT, items: [item] })).finish(),
      ),
    ]);

    expect(response.status, await response.text()).to.equal(400);
    expect(answers.map(({ grpcStatus }) => Number(grpcStatus))).to.deep.equal([3, 3], answers[0].grpcMessage);
    for (const id of [posted, created, imported]) expect(await read(id).catch(() => 'nothing')).to.equal('nothing');
  });

  for (const [what, json] of Object.entries(FAITHFUL)) {
    it(`${what} are stored as they are, by every way in`, async () => {
      const expected = JSON.parse(json, (_, value: unknown) => (value === 0 ? 0 : value)) as object;
      const [posted, imported, created] = [nextId(), nextId(), nextId()];

      const response = await post(posted, json);
      expect(response.status, await response.text()).to.equal(200);
      expect((await importOne(imported, json)).failures).to.deep.equal([]);
      await documents.createDocument({ parent: PARENT, documentId: created, document: { fields: expected as never } });

      for (const id of [posted, imported, created]) expect(sorted(await read(id))).to.equal(sorted(expected));
    }).timeout(CASE_MS_MAX);
  }

  it('numbers that nearly fill a message of 4 MiB are read by every way out', async () => {
    const parent = 'collections/large';
    const name = `${parent}/documents/${nextId()}`;
    const json = numbers(MESSAGE_NUMBERS_MAX);
    const fields = JSON.parse(json) as { readonly n: readonly number[] };
    const writes = [{ operation: { $case: 'update', value: { name, fields } } as const }];
    const { documents: written } = await documents.commitDocuments({ parent, writes });
    const first = async <T, R>(stream: AsyncIterable<T>, pick: (message: T) => R | undefined) => {
      for await (const message of stream) {
        const picked = pick(message);
        if (picked !== undefined) return picked;
      }
      return undefined;
    };

    const response = await fetch(`${app.http}/v1/${name}`, { headers: { authorization: `Bearer ${app.token}` } });
    const initial = await first(
      documents.watchDocuments({ parent, initialState: true }),
      (at) => at.changes[0]?.change,
    );
    const exported = await first(documents.exportDocuments({ parent }), (at) => at.items[0]?.content);
    const found = {
      commit: written[0]?.fields,
      get: (await documents.getDocument({ name })).fields,
      batchGet: (await documents.batchGetDocuments({ parent, names: [name] })).documents[0]?.fields,
      list: (await documents.listDocuments({ parent })).documents[0]?.fields,
      query: await first(documents.queryDocuments({ parent }), (at) => at.documents[0]?.fields),
      export: exported?.$case === 'json' ? (JSON.parse(exported.value) as object) : exported?.value,
      watch: initial?.$case === 'put' ? initial.value.fields : undefined,
      rest: ((await response.json()) as { fields: object }).fields,
    };

    for (const [way, read] of Object.entries(found)) expect(JSON.stringify(read), way).to.have.length(json.length);
  }).timeout(CASE_MS_MAX);

  for (const [what, json] of Object.entries(REFUSED)) {
    it(`${what} is refused clearly, by every way in`, async () => {
      const id = nextId();

      const response = await post(id, json);
      expect(response.status).to.equal(400);
      expect(((await response.json()) as { error: { status: string } }).error.status).to.equal('INVALID_ARGUMENT');
      const { failures, importedCount } = await importOne(id, json);

      expect([importedCount, failures[0]?.reason]).to.deep.equal([0n, 'INVALID_REQUEST']);
      expect(await read(id).catch(() => 'nothing')).to.equal('nothing');
    }).timeout(CASE_MS_MAX);
  }
}

/** A message as a call sends it, with its length before it. */
function framed(message: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** The JSON of a value with its keys in order, so that large ones are compared fast. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
