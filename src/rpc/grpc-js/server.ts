import type { EventEmitter } from 'node:events';
import { Server, type ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';
import type { Dispatcher } from '../call.js';
import type { GrpcServer, GrpcServerDeps } from '../grpc/server.js';
import { DEFAULT_LIMITS } from '../limits.js';
import type { Method } from '../method-table.js';
import { credentialsOf } from './credentials.js';
import { splitAddress, type Http2Source } from '../server-figures.js';
import { http2ServersOf } from './http2-servers.js';
import { keepTimeouts } from './timeouts.js';
import { turnAwayEarly } from './turn-away-early.js';
import { bidiStreamHandler, clientStreamHandler, serverStreamHandler, unaryHandler } from './handlers.js';

/**
 * Serves the method table over gRPC on grpc-js. Messages pass as raw bytes: grpc-js neither encodes nor decodes. Of the
 * limits it knows those on messages, metadata and streams; docs/transports.md says what else it does not do.
 */
export function createGrpcJsServer({
  table,
  dispatcher,
  limits = DEFAULT_LIMITS,
  tls,
  figures,
  connections,
}: GrpcServerDeps): GrpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': limits.messageBytesMax,
    // Our own figures are the same for every transport.
    'grpc.enable_channelz': 0,
    'grpc.max_concurrent_streams': limits.streamsPerConnectionMax,
  });
  for (const method of table.methods.values()) {
    const { type, handler } = handlerOf(dispatcher, method);
    server.register(method.path, handler, passThrough, passThrough, type);
  }
  let closed: Promise<void> | undefined;
  const goAway = () =>
    (closed ??= new Promise<void>((resolve) => {
      server.tryShutdown(() => resolve());
    }));
  return {
    async listen(address) {
      const port = await bind(server, address, credentialsOf(tls));
      keepTimeouts(server);
      turnAwayEarly(server, { table, dispatcher });
      for (const source of http2ServersOf<Http2Source & EventEmitter>(server)) {
        figures?.watch(source, { ...splitAddress(address), port });
        connections?.watch('grpc', source);
      }
      return port;
    },
    goAway: () => void goAway(),
    async close(budgetMs) {
      const timer = setTimeout(() => server.forceShutdown(), budgetMs);
      // A forced shutdown ends the graceful one, too.
      await goAway();
      clearTimeout(timer);
    },
  };
}

function handlerOf(dispatcher: Dispatcher, method: Method): { type: string; handler: UntypedHandleCall } {
  switch (method.descriptor.methodKind) {
    case 'unary':
      return { type: 'unary', handler: unaryHandler(dispatcher, method) as UntypedHandleCall };
    case 'server_streaming':
      return { type: 'serverStream', handler: serverStreamHandler(dispatcher, method) as UntypedHandleCall };
    case 'client_streaming':
      return { type: 'clientStream', handler: clientStreamHandler(dispatcher, method) as UntypedHandleCall };
    case 'bidi_streaming':
      return { type: 'bidi', handler: bidiStreamHandler(dispatcher, method) as UntypedHandleCall };
  }
}

function passThrough(bytes: Buffer): Buffer {
  return bytes;
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (err, port) => {
      if (err === null) resolve(port);
      else reject(err);
    });
  });
}
