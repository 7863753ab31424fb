import type { BenchCase } from '../bench.js';
import { h2loadContender } from '../load/h2load.js';
import { hasGoPeers, startGoPeer, startKeelson, startPeer } from '../systems.js';
import { echoManyCall } from './echo-call.js';

const PEERS = ['grpc-js', 'nice-grpc', 'connect-node'];
const MESSAGES = 200;
const SHAPE = { connections: 4, streams: 4 };

export const stream: BenchCase = {
  name: 'stream',
  about: `server streams of ${MESSAGES} small messages; rps counts messages, times are of whole streams`,
  async run(bench) {
    const options = { shape: SHAPE, messagesPerCall: MESSAGES };
    const contenders = [
      await h2loadContender(bench, 'keelson', echoManyCall(await startKeelson(bench), MESSAGES), options),
    ];
    for (const peer of PEERS.filter((name) => bench.wants(name))) {
      const server = await startPeer(bench, `${peer}.mjs`);
      contenders.push(await h2loadContender(bench, peer, echoManyCall(server, MESSAGES), options));
    }
    if (hasGoPeers() && bench.wants('grpc-go')) {
      const server = await startGoPeer(bench, 'server');
      contenders.push(await h2loadContender(bench, 'grpc-go', echoManyCall(server, MESSAGES), options));
    }
    return bench.compare('stream', contenders);
  },
};
