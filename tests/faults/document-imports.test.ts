import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { rejection } from '../support/rejection.js';
import { startServeProcess, type ServeProcess } from '../support/serve-process.js';

/** KEELSON_TEST_IMPORT_DOCUMENTS=1000000 is the whole attack. */
const DOCUMENTS = Number(process.env['KEELSON_TEST_IMPORT_DOCUMENTS'] || 30_000);
const BATCH = 490;
const MIB = 1024 * 1024;
const GROWTH_MAX = 128 * MIB;
const LOOK_EVERY_MS = 20;
const HOOK_MS_MAX = 60_000;
const PARENT = 'collections/imported';

describe('an import into a server that is killed', () => {
  let server: ServeProcess;
  let directory: string;
  let token: string;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    directory = await mkdtemp(join(tmpdir(), 'keelson-imports-'));
    server = await startServeProcess(directory, {});
    token = await server.readToken();
  });
  after(async function () {
    this.timeout(HOOK_MS_MAX);
    await server.end();
    await rm(directory, { recursive: true, force: true });
  });

  const connect = () => createClient(DocumentServiceDefinition, { address: server.address, token });

  async function* requests(importId: string, from: number, onSent: (count: number) => void) {
    yield { parent: PARENT, importId, startIndex: BigInt(from), items: [] };
    for (let first = from; first < DOCUMENTS; first += BATCH) {
      const items = Array.from({ length: Math.min(BATCH, DOCUMENTS - first) }, (_, index) => ({
        documentId: `d${first + index}`,
        content: { $case: 'json', value: `{"n":${first + index},"text":"a small document"}` } as const,
      }));
      yield { parent: PARENT, items };
      onSent(first + items.length);
    }
  }

  it(`loses nothing and imports nothing twice, of ${DOCUMENTS}, with flat memory`, async () => {
    const importId = randomUUID();
    const before = connect();
    const broken = before.importDocuments(
      requests(importId, 0, () => undefined),
      { timeoutMs: 3_600_000 },
    );
    const name = `${PARENT}/imports/${importId}`;
    const killing = (async () => {
      const standing = () =>
        before.getImport({ name }).then(
          ({ nextIndex }) => Number(nextIndex),
          () => 0,
        );
      while ((await standing()) < DOCUMENTS / 4) await delay(LOOK_EVERY_MS);
      await server.restart();
    })();
    await rejection(broken, CallError);
    await killing;
    before.close();

    const client = connect();
    const { nextIndex } = await client.getImport({ name });
    expect(Number(nextIndex)).to.be.within(1, DOCUMENTS - 1);
    const memory: number[] = [];
    const answer = await client.importDocuments(
      requests(importId, Number(nextIndex), (sent) => {
        if (sent % (BATCH * 10) < BATCH) void readMemory(server).then((bytes) => memory.push(bytes));
      }),
      { timeoutMs: 3_600_000 },
    );

    expect(answer).to.deep.include({ importedCount: BigInt(DOCUMENTS), failedCount: 0n, failures: [] });
    expect(Number((await client.countDocuments({ parent: PARENT }, { timeoutMs: 600_000 })).count)).to.equal(DOCUMENTS);
    // The engine's heap has its size after the first third.
    const warm = memory.slice(Math.floor(memory.length / 3));
    expect(Math.max(...warm) - (warm[0] ?? 0)).to.be.below(GROWTH_MAX);
    client.close();
  }).timeout(120_000 + DOCUMENTS);
});

/** The memory that a process holds, in bytes. */
async function readMemory({ pid }: ServeProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}
