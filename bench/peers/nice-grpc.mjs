// Bare nice-grpc, with the definitions that ts-proto generates for it: no middleware.
import { createServer } from 'nice-grpc';
import { EchoServiceDefinition } from '../../dist/bench/gen/bench/v1/echo_service.js';
import { sayReady } from './listening.mjs';

const server = createServer();
server.add(EchoServiceDefinition, {
  echo: async ({ text }) => ({ text }),
  echoPublic: async ({ text }) => ({ text }),
  async *echoMany({ text, count }) {
    for (let i = 0; i < count; i += 1) yield { text };
  },
  work: async () => ({ text: '' }),
  async *idle() {},
});
sayReady(await server.listen('127.0.0.1:0'));
