import type { Bench, BenchCase, Contender } from '../bench.js';
import { wrkContender, type HttpCall } from '../load/wrk.js';
import { hasGoPeers, startGateway, startGoPeer, startKeelson, startPeer } from '../systems.js';
import { ECHO_NAME, ECHO_TEXT } from './echo-call.js';
import { restCall } from './rest-call.js';

/** The token that bench/peers/fastify.mjs knows. */
const FASTIFY_TOKEN = 'bench.bench-secret';

const PEERS = [
  ['fastify', 'fastify.mjs', 'full'],
  ['fastify, bare', 'fastify.mjs', 'bare'],
  ['connect-node', 'connect-node.mjs', 'http1'],
] as const;

export const rest: BenchCase = {
  name: 'rest',
  about: 'the same call as JSON over HTTP/1, through the shim in the process of the server',
  async run(bench) {
    const keelson = await startKeelson(bench);
    const contenders = [await wrkContender(bench, 'keelson', restCall(keelson))];
    for (const [system, file, mode] of PEERS.filter(([name]) => bench.wants(name))) {
      const { address } = await startPeer(bench, file, mode);
      const isConnect = system === 'connect-node';
      const call = isConnect ? connectCall(address) : restCall({ http: `http://${address}`, token: FASTIFY_TOKEN });
      contenders.push(await wrkContender(bench, system, call));
    }
    return bench.compare('rest', [...contenders, ...(await processesBefore(bench))]);
  },
};

/** Gateways in a process of their own, and the gRPC servers behind them. */
async function processesBefore(bench: Bench): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const { server, load } = bench.cores;
  const upstreams = [
    ['keelson gateway', server],
    ['keelson gateway, upstream beside the load', load],
  ] as const;
  for (const [system, cores] of upstreams.filter(([name]) => bench.wants(name))) {
    const gateway = await startGateway(bench, await startKeelson(bench, { cores }));
    contenders.push(await wrkContender(bench, system, restCall(gateway)));
  }
  if (hasGoPeers() && bench.wants('grpc-gateway')) {
    const { address: upstream } = await startGoPeer(bench, 'server');
    const { address } = await startGoPeer(bench, 'gateway', upstream);
    contenders.push(await wrkContender(bench, 'grpc-gateway', restCall({ http: `http://${address}`, token: '' })));
  }
  if (hasGoPeers() && bench.wants('grpc-gateway before keelson')) {
    const { address: upstream, token } = await startKeelson(bench);
    const { address } = await startGoPeer(bench, 'gateway', upstream);
    const call = restCall({ http: `http://${address}`, token });
    contenders.push(await wrkContender(bench, 'grpc-gateway before keelson', call));
  }
  return contenders;
}

function connectCall(address: string): HttpCall {
  return {
    url: `http://${address}/bench.v1.EchoService/Echo`,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
    body: JSON.stringify({ name: ECHO_NAME, text: ECHO_TEXT }),
    answer: JSON.stringify({ text: ECHO_TEXT }),
  };
}
