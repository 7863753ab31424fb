import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { DOCUMENTS_COLLECTION } from '../../src/repositories/documents.js';
import { type ConsistencySession, createConsistencySession } from '../../src/rpc/client/consistency-session.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import type { JsonObject } from '../../src/store/json-value.js';
import { describeMongo } from '../support/describe-mongo.js';
import {
  callDocuments,
  DOCUMENT_NAME_PREFIX,
  type DocumentClient,
  type DocumentRecording,
} from '../support/document-clients.js';
import { DOCUMENT } from '../support/document-model.js';
import { findViolations } from '../support/linearizability.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { type MortalRedis, startMortalRedis } from '../support/mortal-redis.js';
import { createRandom } from '../support/random.js';
import { createRedisNemesis, type RedisNemesis } from '../support/redis-nemesis.js';
import { AROUND_ATTACK_MS_MAX, expectExplained } from '../support/register-attack.js';
import { requireTool } from '../support/require-tool.js';
import { seed } from '../support/seed.js';
import { type ServeProcess, startServeProcess } from '../support/serve-process.js';
import { attackMs, endOfAttack } from '../support/soak.js';

const ATTACK_MS = 8_000;
const SERVERS = 3;
const CALLERS = 9;
const KILL_EVERY_MS_MAX = 3_000;
const KILLS_MIN = 2;
const CALLS_MIN = 200;

/** A server, and the client that reaches it as it is now. */
interface Reachable {
  readonly server: ServeProcess;
  client: DocumentClient;
}

describeMongo('servers that are killed while Redis is attacked, as their clients see them', (server) => {
  let engine: ReturnType<typeof createMongoEngine>;
  let redis: MortalRedis;
  let dirs: string[];
  let token: string;
  let reachable: Reachable[];
  let session: ConsistencySession;

  before(requireTool('redis'));

  beforeEach(async function () {
    this.timeout(AROUND_ATTACK_MS_MAX);
    engine = createMongoEngine(server());
    redis = await startMortalRedis();
    dirs = [];
    reachable = [];
    session = createConsistencySession();
    for (let count = 0; count < SERVERS; count += 1) reachable.push(await startServer());
  });

  afterEach(async () => {
    for (const one of reachable) {
      one.client.close();
      await one.server.end();
    }
    await redis.end();
    await engine.destroy();
    for (const dir of dirs) await rm(dir, { recursive: true, force: true });
  });

  /** The first server of a database leaves the token that all take. */
  async function startServer(): Promise<Reachable> {
    const dir = await mkdtemp(join(tmpdir(), 'keelson-served-'));
    dirs.push(dir);
    const settings = { KEELSON_STORE_URL: engine.url, KEELSON_REDIS_URL: redis.url, KEELSON_CACHE_MIB: '1' };
    const started = await startServeProcess(dir, settings);
    if (reachable.length === 0) token = await started.readToken();
    return { server: started, client: clientOf(started) };
  }

  function clientOf({ address }: ServeProcess): DocumentClient {
    // What is repeated, and where, is up to the callers, who write it down.
    return createClient(DocumentServiceDefinition, { address, token, session, attemptsMax: 1 });
  }

  async function attack(nemesis: RedisNemesis): Promise<{ recording: DocumentRecording; kills: number }> {
    const random = createRandom(seed());
    const recording: DocumentRecording = { history: [], reads: [], acknowledged: new Set(), newest: 0 };
    let kills = 0;
    const isOver = endOfAttack(ATTACK_MS, () => kills >= KILLS_MIN && recording.history.length >= CALLS_MIN);
    const pick = () => {
      const picked = reachable[Math.floor(random() * reachable.length)];
      if (picked === undefined) throw new Error('There is no server');
      return picked;
    };
    const killThem = async () => {
      while (!isOver()) {
        await delay(random() * KILL_EVERY_MS_MAX);
        const victim = pick();
        await victim.server.restart();
        victim.client.close();
        victim.client = clientOf(victim.server);
        kills += 1;
      }
    };
    const callers = Array.from({ length: CALLERS }, (_, index) =>
      callDocuments({ name: `${index}`, anyClient: () => pick().client, random, recording, isOver }),
    );
    await Promise.all([...callers, killThem(), nemesis.harass(isOver)]);
    return { recording, kills };
  }

  it('stay linearizable, refusals included, and lose nothing that was acknowledged', async function () {
    this.timeout(attackMs(ATTACK_MS) + AROUND_ATTACK_MS_MAX);
    const store = await engine.open();
    const nemesis = createRedisNemesis({
      redis,
      random: createRandom(seed() + 1),
      keyPrefix: `keelson:cache:${store.databaseId}:`,
      wakeChannel: `keelson:wake:${store.databaseId}`,
    });

    const { recording, kills } = await attack(nemesis);

    const { history, reads } = recording;
    const refusals = history.filter(({ output }) => output && output.kind !== 'read' && output.kind !== 'done').length;
    process.stdout.write(
      `${history.length} calls, ${reads.length} of them reads, ${refusals} refused, ${kills} kills; Redis: ${JSON.stringify(nemesis.played)}\n`,
    );
    expect(kills, 'kills').to.be.at.least(KILLS_MIN);
    expect(history.length, 'calls').to.be.at.least(CALLS_MIN);
    expect(findViolations(history, DOCUMENT)).to.deep.equal([]);
    await expectExplained(recording, {
      store,
      collection: DOCUMENTS_COLLECTION,
      keyOf: (id) => id.slice(DOCUMENT_NAME_PREFIX.length),
      textOf: ({ fields }) => String((fields as JsonObject)['text'] as string),
    });
  });
});
