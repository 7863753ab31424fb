import type { BenchCase } from '../bench.js';
import { h2loadContender } from '../load/h2load.js';
import { hasGoPeers, startGoPeer, startKeelson, startPeer } from '../systems.js';
import { readConfig } from '../../src/config.js';
import { echoCall } from './echo-call.js';

const DEFAULT_TRANSPORT = readConfig({}).grpcTransport;

const PEERS = ['grpc-js', 'nice-grpc', 'connect-node', 'nestjs'];

export const echo: BenchCase = {
  name: 'echo',
  about: 'a small unary call with every stage on, beside servers that do nothing but answer',
  async run(bench) {
    const contenders = [];
    for (const transport of ['framed', 'http2', 'grpc-js']) {
      const system = transport === DEFAULT_TRANSPORT ? 'keelson' : `keelson on ${transport}`;
      if (system !== 'keelson' && !bench.wants(system)) continue;
      const server = await startKeelson(bench, { settings: { KEELSON_GRPC_TRANSPORT: transport } });
      contenders.push(await h2loadContender(bench, system, echoCall(server)));
    }
    for (const peer of PEERS.filter((name) => bench.wants(name))) {
      const server = await startPeer(bench, `${peer}.mjs`);
      contenders.push(await h2loadContender(bench, peer, echoCall(server)));
    }
    if (hasGoPeers() && bench.wants('grpc-go')) {
      contenders.push(await h2loadContender(bench, 'grpc-go', echoCall(await startGoPeer(bench, 'server'))));
    }
    return bench.compare('echo', contenders);
  },
};
