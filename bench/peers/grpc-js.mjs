// Bare grpc-js, with the stubs that ts-proto generates: handlers, and nothing else.
import { once } from 'node:events';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { EchoServiceDefinition } from '../../dist/bench/gen/bench/v1/echo_service.js';
import { sayReady } from './listening.mjs';

const server = new Server();
server.addService(toGrpcJs(EchoServiceDefinition), {
  echo: (call, callback) => callback(null, { text: call.request.text }),
  async echoMany(call) {
    const { text, count } = call.request;
    for (let i = 0; i < count && !call.cancelled; i += 1) {
      if (!call.write({ text })) await once(call, 'drain');
    }
    call.end();
  },
  idle: (call) => call.write({ text: call.request.text }),
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (err, port) => {
  if (err) throw err;
  sayReady(port);
});

/** What ts-proto's `outputServices=grpc-js` generates for the same contract. */
function toGrpcJs({ fullName, methods }) {
  const entries = ['echo', 'echoMany', 'idle'].map((key) => {
    const { name, requestType, responseType, requestStream, responseStream } = methods[key];
    const definition = {
      path: `/${fullName}/${name}`,
      requestStream,
      responseStream,
      requestSerialize: (value) => Buffer.from(requestType.encode(value).finish()),
      requestDeserialize: (bytes) => requestType.decode(bytes),
      responseSerialize: (value) => Buffer.from(responseType.encode(value).finish()),
      responseDeserialize: (bytes) => responseType.decode(bytes),
    };
    return [key, definition];
  });
  return Object.fromEntries(entries);
}
