// Connect for Node on HTTP/2 or, for REST's place, HTTP/1: handlers, no interceptors.
import { readFileSync } from 'node:fs';
import { createServer as createHttp1Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { sayReady } from './listening.mjs';

const image = readFileSync(new URL('../bench/descriptors.binpb', import.meta.url));
const EchoService = createFileRegistry(fromBinary(FileDescriptorSetSchema, image)).getService('bench.v1.EchoService');

const handler = connectNodeAdapter({
  routes(router) {
    router.service(EchoService, {
      echo: ({ text }) => ({ text }),
      async *echoMany({ text, count }) {
        for (let i = 0; i < count; i += 1) yield { text };
      },
    });
  },
});
const server = process.argv[2] === 'http1' ? createHttp1Server(handler) : createHttp2Server(handler);
server.listen(0, '127.0.0.1', () => sayReady(server.address().port));
