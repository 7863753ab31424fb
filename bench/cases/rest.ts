import type { BenchCase } from '../bench.js';
import { wrkContender, type HttpCall } from '../load/wrk.js';
import { startKeelson, startPeer } from '../systems.js';
import { ECHO_NAME, ECHO_TEXT } from './echo-call.js';

/** The token that bench/peers/fastify.mjs knows. */
const FASTIFY_TOKEN = 'bench.bench-secret';

export const rest: BenchCase = {
  name: 'rest',
  about: 'the same call as JSON over HTTP/1, through the shim in the process of the server',
  async run(bench) {
    const keelson = await startKeelson(bench);
    const full = await startPeer(bench, 'fastify.mjs', 'full');
    const bare = await startPeer(bench, 'fastify.mjs');
    const connect = await startPeer(bench, 'connect-node.mjs', 'http1');
    return bench.compare('rest', [
      await wrkContender(bench, 'keelson', restCall(keelson.http, keelson.token)),
      await wrkContender(bench, 'fastify', restCall(`http://${full.address}`, FASTIFY_TOKEN)),
      await wrkContender(bench, 'fastify, bare', restCall(`http://${bare.address}`, FASTIFY_TOKEN)),
      await wrkContender(bench, 'connect-node', connectCall(connect.address)),
    ]);
  },
};

function restCall(base: string, token: string): HttpCall {
  return {
    url: `${base}/v1/${ECHO_NAME}:echo`,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ text: ECHO_TEXT }),
    answer: JSON.stringify({ text: ECHO_TEXT }),
  };
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
