import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { CollectionServiceDefinition } from '../../gen/keelson/documents/v1/collection_service.js';
import { DocumentServiceDefinition, ExistingDocuments } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';
import { requireTool } from '../support/require-tool.js';

const HOOK_MS_MAX = 60_000;
const ITEMS = 600;
const COMMAND_MS_MAX = 180_000;
const BIN = fileURLToPath(new URL('../../../bin/keelson.mjs', import.meta.url));

describe('imports and exports, on the embedded engine', () => testImports(() => ({})));

describeMongo('imports and exports, on MongoDB', (server) =>
  testImports(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testImports(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let documents: ServiceClient<typeof DocumentServiceDefinition>;
  let collections: ServiceClient<typeof CollectionServiceDefinition>;
  let directory: string;
  let parent: string;
  let serial = 0;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    documents = createClient(DocumentServiceDefinition, app);
    collections = createClient(CollectionServiceDefinition, app);
    directory = await mkdtemp(join(tmpdir(), 'keelson-import-'));
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    documents.close();
    collections.close();
    await app.close();
    await rm(directory, { recursive: true, force: true });
  });

  beforeEach(() => {
    serial += 1;
    parent = `collections/i${serial}`;
  });

  const item = (documentId: string, json: string) => ({ documentId, content: { $case: 'json', value: json } }) as const;
  type Requests = Parameters<typeof documents.importDocuments>[0];
  const send = (...messages: object[]): Requests =>
    (async function* () {
      for (const message of messages) yield { parent, ...message };
    })();
  const count = async () => Number((await documents.countDocuments({ parent })).count);
  const keelson = (...args: string[]) =>
    promisify(execFile)(process.execPath, [BIN, ...args, '--address', app.address, '--token', app.token]);

  it('take each document for itself, and say what was wrong with the others', async () => {
    await collections.createCollection({
      collectionId: parent.slice('collections/'.length),
      collection: { schema: { required: ['n'] } },
    });
    const items = [
      item('a', '{"n":1}'),
      item('a', '{"n":2}'),
      item('b', '{"m":1}'),
      item('no/id', '{"n":1}'),
      item('c', '{"n":1,"n":2}'),
      item('d', '{"n":1e999}'),
      item('e', '[1]'),
      item('f', '{"n":1'),
      { documentId: 'g', content: { $case: 'fields', value: { n: 3 } } } as const,
    ];

    const { importedCount, failures } = await documents.importDocuments(send({ items }));

    expect(importedCount).to.equal(2n);
    expect(failures.map(({ index, reason }) => [Number(index), reason])).to.deep.equal([
      [1, 'RESOURCE_EXISTS'],
      ...[2, 3, 4, 5, 6, 7].map((index) => [index, 'INVALID_REQUEST']),
    ]);
    expect(await count()).to.equal(2);
  });

  it('keep values as any other write does, however their texts are written', async () => {
    const text = String.raw`{ "zero": -0, "e": 1E2, "tab": "\u0009", "__proto__": {"n": 1.50}, "list": [ ] }`;
    const fields = JSON.parse('{"zero":0,"e":100,"tab":"\\t","__proto__":{"n":1.5},"list":[]}') as object;
    await documents.importDocuments(send({ items: [item('a', text)] }));
    await documents.importDocuments(
      send({ items: [{ documentId: 'b', content: { $case: 'fields', value: fields } }] }),
    );
    for (const id of ['a', 'b']) {
      const got = await documents.getDocument({ name: `${parent}/documents/${id}` });
      expect(got.fields).to.deep.equal(fields);
      expect(Object.is(got.fields?.['zero'], 0)).to.equal(true);
    }
  });

  it('come from a browser by WebSocket', async () => {
    const socket = new WebSocket(`${app.http.replace('http', 'ws')}/v1/${parent}/documents:import`, 'keelson.v1.json');
    await once(socket, 'open');
    const messages: unknown[] = [];
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
    socket.send(JSON.stringify({ start: { token: app.token } }));
    socket.send(JSON.stringify({ message: { parent, items: [{ documentId: 'a', fields: { n: 1 } }] } }));
    socket.send(JSON.stringify({ message: { parent, items: [{ documentId: 'b', json: '{"n":2}' }] } }));
    socket.send(JSON.stringify({ end: {} }));
    await once(socket, 'close');

    expect(messages).to.deep.include({ message: { importedCount: '2', nextIndex: '2' } });
    expect(await count()).to.equal(2);
  });

  it('replace what is there where that is asked for', async () => {
    await documents.importDocuments(send({ items: [item('a', '{"n":1}')] }));
    const existing = ExistingDocuments.EXISTING_DOCUMENTS_REPLACE;

    await documents.importDocuments(send({ existing, items: [item('a', '{"n":2}')] }));

    const { fields } = await documents.getDocument({ name: `${parent}/documents/a` });
    expect(fields).to.deep.equal({ n: 2 });
  });

  it('go on where they stood, import nothing twice, and leave no gap', async () => {
    const importId = randomUUID();
    const items = Array.from({ length: 900 }, (_, n) => item(`d${n}`, `{"n":${n}}`));
    const broken = documents.importDocuments(
      (async function* () {
        yield { parent, importId, items: items.slice(0, 300) };
        yield { parent, importId: '', items: items.slice(300, 600) };
        throw new Error('the client breaks off');
      })(),
    );
    await rejection(broken);
    const stood = await documents.getImport({ name: `${parent}/imports/${importId}` }).catch(() => undefined);
    const nextIndex = stood?.nextIndex ?? 0n;
    expect(Number(nextIndex)).to.be.at.most(600);

    const gap = documents.importDocuments(send({ importId, startIndex: 601n, items: [] }));
    expect((await rejection(gap, CallError)).violations[0]?.field).to.equal('start_index');
    // From the beginning: what is done is passed over.
    const answer = await documents.importDocuments(send({ importId, items }));

    expect(answer).to.deep.include({ importedCount: 900n, failedCount: 0n, nextIndex: 900n });
    expect(await count()).to.equal(900);
    const { revision } = await documents.countDocuments({ parent });
    const again = await documents.importDocuments(send({ importId, items }));
    expect(again).to.deep.equal(answer);
    expect((await documents.countDocuments({ parent })).revision).to.equal(revision);
  }).timeout(COMMAND_MS_MAX);

  it('are exact while others write the same documents, and split what its indexes make too large', async () => {
    await collections.createCollection({ collectionId: parent.slice('collections/'.length), collection: {} });
    await collections.createIndex({ parent, indexId: 'n', index: { orderBy: 'fields.n', unique: true } });
    await collections.createIndex({ parent, indexId: 'by', index: { orderBy: 'fields.by' } });
    const importId = randomUUID();
    const items = Array.from({ length: ITEMS }, (_, n) => item(`d${n}`, `{"n":${n},"by":"import"}`));
    const rest = Array.from({ length: (ITEMS - 200) / 50 }, (_, n) => 200 + n * 50);
    let created = 0;
    let isOver = false;
    const others = (async () => {
      for (let n = ITEMS - 1; n >= 0 && !isOver; n -= 7) {
        const document = { fields: { n, by: 'others' } };
        const call = documents.createDocument({ parent, documentId: `d${n}`, document });
        created += await call.then(
          () => 1,
          () => 0,
        );
      }
    })();

    const answer = await documents.importDocuments(
      send(
        { importId, items: items.slice(0, 200) },
        ...rest.map((first) => ({ items: items.slice(first, first + 50) })),
      ),
    );
    isOver = true;
    await others;

    expect(created).to.be.above(0);
    expect(answer).to.deep.include({ importedCount: BigInt(ITEMS - created), failedCount: BigInt(created) });
    expect(answer.nextIndex).to.equal(BigInt(ITEMS));
    expect(await documents.getImport({ name: `${parent}/imports/${importId}` })).to.deep.include({
      importedCount: answer.importedCount,
      nextIndex: BigInt(ITEMS),
    });
    expect(await count()).to.equal(ITEMS);
    const imported = await documents.countDocuments({ parent, filter: 'fields.by = "import"' });
    expect(imported.count).to.equal(answer.importedCount);
  }).timeout(COMMAND_MS_MAX);

  it('judge an item of a name that came before on what the one before left', async () => {
    const existing = ExistingDocuments.EXISTING_DOCUMENTS_REPLACE;
    const items = (round: number) => Array.from({ length: 30 }, (_, n) => item(`d${n % 20}`, `{"round":${round}}`));
    const rounds = [1, 2, 3, 4].map((round) => ({ ...(round === 1 && { existing }), items: items(round) }));

    expect((await documents.importDocuments(send(...rounds))).importedCount).to.equal(120n);

    expect(await count()).to.equal(20);
    expect((await documents.countDocuments({ parent, filter: 'fields.round = 4' })).count).to.equal(20n);
  }).timeout(COMMAND_MS_MAX);

  it('are the same on the way in and out by the commands, and quiet in a pipe', async () => {
    const file = join(directory, `${serial}.ndjson`);
    const lines = Array.from({ length: 700 }, (_, n) =>
      JSON.stringify({
        key: `k${String(n).padStart(4, '0')}`,
        n,
        nested: { 'a.b': [null, `\u2028 ${n}`], __proto__x: n },
      }),
    );
    await writeFile(file, `${lines.join('\n')}\n\n`);

    const { stdout, stderr } = await keelson('import', parent, file, '--id-field', 'key');
    expect([stdout, stderr]).to.deep.equal(['imported 700, failed 0\n', '']);
    const exported = await keelson('export', parent, '--id-field', 'key');
    expect(exported.stdout).to.equal(`${lines.join('\n')}\n`);
    expect(exported.stderr).to.equal('');

    const output = join(directory, `${serial}.out`);
    await keelson('export', parent, '--id-field', 'key', '--output', output, '--filter', 'fields.n < 2');
    expect((await readFile(output, 'utf8')).split('\n')).to.have.length(3);
    const clash = (await rejection(keelson('export', parent, '--id-field', 'n'))) as { stderr: string };
    expect(clash.stderr).to.include('choose another --id-field');
  }).timeout(COMMAND_MS_MAX);

  context('by the commands, on a terminal', () => {
    before(requireTool('script'));

    it('show a bar of how far they are', async () => {
      const file = join(directory, `${serial}.ndjson`);
      const [output, log] = [join(directory, `${serial}.out`), join(directory, `${serial}.log`)];
      await writeFile(file, Array.from({ length: ITEMS }, (_, n) => `{"id":"d${n}","n":${n}}\n`).join(''));
      const { size } = await stat(file);
      const atTerminal = async (...args: string[]) => {
        const words = [process.execPath, BIN, ...args, '--address', app.address, '--token', app.token];
        await promisify(execFile)('script', ['-qec', words.map((word) => `'${word}'`).join(' '), log]);
        return readFile(log, 'utf8');
      };

      const imported = await atTerminal('import', parent, file);
      expect(imported)
        .to.match(new RegExp(`\\d+% \\| \\d+/${size} bytes`))
        .and.to.include(`imported ${ITEMS}, failed 0`);
      const exported = await atTerminal('export', parent, '--output', output);
      expect(exported).to.match(new RegExp(`\\d+% \\| \\d+/${ITEMS} documents`));
      expect((await readFile(output, 'utf8')).split('\n')).to.have.length(ITEMS + 1);
    }).timeout(COMMAND_MS_MAX);
  });

  it('tell by the exit code and by lines that something failed', async () => {
    const file = join(directory, `${serial}.ndjson`);
    await writeFile(file, '{"id":"a"}\nnonsense\n{"n":1}\n{"id":7,"n":1}\n');

    const failed = (await rejection(keelson('import', parent, file))) as {
      stdout: string;
      stderr: string;
      code: number;
    };

    expect(failed.code).to.equal(1);
    expect(failed.stdout).to.equal('imported 2, failed 2\n');
    expect(failed.stderr.split('\n')).to.have.length(3);
    expect(await count()).to.equal(2);
  }).timeout(COMMAND_MS_MAX);
}
