import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { CollectionServiceDefinition } from '../../gen/keelson/documents/v1/collection_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';

const HOOK_MS_MAX = 60_000;
const CASE_MS_MAX = 120_000;
const MIB = 1024 * 1024;
const PARENT = 'collections/hostile';
const NEIGHBOUR = `${PARENT}/documents/neighbour`;
/** What `{"s":""}` takes beside its text. */
const AROUND = 8;

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
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

/** The JSON of a value with its keys in order, so that large ones are compared fast. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
