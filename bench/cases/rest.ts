import type { BenchCase } from '../bench.js';
import { wrkContender, type HttpCall } from '../load/wrk.js';
import { startKeelson, startPeer } from '../systems.js';
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
    return bench.compare('rest', contenders);
  },
};

function connectCall(address: string): HttpCall {
  return {
    url: `http://${address}/bench.v1.EchoService/Echo`,
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-protocol-version': '1' },
    body: JSON.stringify({ name: ECHO_NAME, text: ECHO_TEXT }),
    answer: JSON.stringify({ text: ECHO_TEXT }),
  };
}
