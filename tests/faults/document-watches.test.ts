import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { createRandom } from '../support/random.js';
import { seed } from '../support/seed.js';
import { startServeProcess, type ServeProcess } from '../support/serve-process.js';

/** KEELSON_TEST_WATCH_KILLS=100 is the whole attack. */
const KILLS = Number(process.env['KEELSON_TEST_WATCH_KILLS'] || 6);
const WATCHERS = 3;
const DOCUMENTS = 7;
const BETWEEN_KILLS_MS_MAX = 800;
const KILL_MS_MAX = 60_000;
const CALL_MS_MAX = 5_000;
const PAUSE_MS = 50;
const PARENT = 'collections/watched';

describe('watches of a server that is killed', () => {
  let server: ServeProcess;
  let directory: string;
  let token: string;

  before(async function () {
    this.timeout(KILL_MS_MAX);
    directory = await mkdtemp(join(tmpdir(), 'keelson-watches-'));
    server = await startServeProcess(directory, {});
    token = await server.readToken();
  });
  after(async function () {
    this.timeout(KILL_MS_MAX);
    await server.end();
    await rm(directory, { recursive: true, force: true });
  });

  /** Calls until it succeeds, whatever address the server has by then. */
  const persist = async <T>(call: (client: ReturnType<typeof connect>) => Promise<T>): Promise<T> => {
    for (;;) {
      const client = connect();
      try {
        return await call(client);
      } catch (err) {
        if (!(err instanceof CallError)) throw err;
        await delay(PAUSE_MS);
      } finally {
        client.close();
      }
    }
  };
  const connect = () => createClient(DocumentServiceDefinition, { address: server.address, token, attemptsMax: 1 });

  const write = (n: number) => {
    const requestId = randomUUID();
    const name = `${PARENT}/documents/d${n % DOCUMENTS}`;
    const writes = [{ operation: { $case: 'update', value: { name, fields: { n } } } as const }];
    return persist((client) =>
      client.commitDocuments({ parent: PARENT, requestId, writes }, { timeoutMs: CALL_MS_MAX }),
    );
  };

  /** What a client is told that keeps what it got up to each token, until it is told the last. */
  const watch = async (afterRevision: bigint, isLast: (n: number) => boolean) => {
    const told: number[] = [];
    let resumeToken = '';
    let breaks = 0;
    while (!isLast(told.at(-1) ?? 0)) {
      await persist(async (client) => {
        breaks += 1;
        let pending: number[] = [];
        const request = resumeToken === '' ? { afterRevision } : { resumeToken };
        for await (const message of client.watchDocuments({ parent: PARENT, ...request })) {
          for (const { change } of message.changes) {
            if (change?.$case === 'put') pending.push(Number(change.value.fields?.['n']));
          }
          if (message.resumeToken === '') continue;
          resumeToken = message.resumeToken;
          told.push(...pending);
          pending = [];
          if (isLast(told.at(-1) ?? 0)) return;
        }
      });
    }
    return { told, breaks };
  };

  it(`tell every change once, in order, to clients that resume, through ${KILLS} kills`, async () => {
    const random = createRandom(seed());
    const { revision } = await write(0);
    let written = 0;
    let last = Infinity;
    const watching = Array.from({ length: WATCHERS }, () => watch(revision, (n) => n >= last));
    let isWriting = true;
    const writing = (async () => {
      for (; isWriting;) await write((written += 1));
    })();

    for (let kills = 0; kills < KILLS; kills += 1) {
      await delay(random() * BETWEEN_KILLS_MS_MAX);
      await server.restart();
    }
    isWriting = false;
    await writing;
    last = written + 1;
    await write(last);

    const everything = Array.from({ length: last }, (_, index) => index + 1);
    for (const { told, breaks } of await Promise.all(watching)) {
      expect(told).to.deep.equal(everything);
      expect(breaks).to.be.above(1);
    }
  }).timeout(KILL_MS_MAX * (KILLS + 2));
});
