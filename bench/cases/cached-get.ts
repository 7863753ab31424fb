import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { CONSISTENCY_KEY } from '../../src/rpc/consistency.js';
import { startMongoServer } from '../../tests/support/mongo-server.js';
import { startRedisServer } from '../../tests/support/redis-server.js';
import type { Bench, BenchCase, Contender } from '../bench.js';
import { h2loadContender } from '../load/h2load.js';
import type { GrpcCall } from '../load/probe.js';
import { isThere } from '../machine.js';
import { startKeelson, startPeer, type RunningKeelson } from '../systems.js';
import { echoCall } from './echo-call.js';

const { getDocument } = DocumentServiceDefinition.methods;
const FIELDS = { customer: 'c-17', paid: false, lines: [{ sku: 'a-1', count: 2 }], note: 'leave it at the door' };

export const cachedGet: BenchCase = {
  name: 'cached-get',
  about:
    'GetDocument of a cached document, linearizable, beside an echo of the same server and a cache written by hand',
  async run(bench) {
    const alone = await startKeelson(bench);
    const contenders: Contender[] = [
      await h2loadContender(bench, 'keelson', await getCall(alone)),
      await h2loadContender(bench, 'echo', echoCall(alone)),
      ...(bench.wants('by hand') ? await onServers(bench) : []),
    ];
    return bench.compare('cached-get', contenders);
  },
};

/** The same with MongoDB and Redis, which both sides share. */
async function onServers(bench: Bench): Promise<Contender[]> {
  const mongo = await startMongoServer();
  if (mongo === undefined || !isThere('redis-server')) {
    bench.say('  cached-get: no MongoDB server or no redis-server, so nothing written by hand to compare with');
    await mongo?.stop();
    return [];
  }
  bench.closing(mongo);
  const redis = bench.closing(await startRedisServer());
  const settings = { KEELSON_STORE_URL: mongo.urlOf('keelson_bench'), KEELSON_REDIS_URL: redis.url };
  const server = await startKeelson(bench, { settings });
  const byHand = await startPeer(bench, 'cache-by-hand.mjs', mongo.urlOf('by_hand'), redis.url, JSON.stringify(FIELDS));
  const call = await getCall(server);
  return [
    await h2loadContender(bench, 'keelson on MongoDB', call),
    // What the cache by hand promises, and not even that: it is as old as its time to live lets it be.
    await h2loadContender(bench, 'keelson on MongoDB, any', { ...call, metadata: { [CONSISTENCY_KEY]: 'any' } }),
    await h2loadContender(bench, 'echo on MongoDB', echoCall(server)),
    await h2loadContender(bench, 'by hand', requestOf(byHand)),
  ];
}

async function getCall(server: RunningKeelson): Promise<GrpcCall> {
  const client = createClient(DocumentServiceDefinition, { address: server.address, token: server.token });
  const document = { fields: FIELDS };
  await client.createDocument({ parent: 'collections/orders', documentId: 'o-17', document });
  client.close();
  return requestOf(server);
}

function requestOf({ address, token }: { address: string; token?: string }): GrpcCall {
  const request = getDocument.requestType.encode({ name: 'collections/orders/documents/o-17' }).finish();
  return { address, path: `/${DocumentServiceDefinition.fullName}/${getDocument.name}`, request, token };
}
