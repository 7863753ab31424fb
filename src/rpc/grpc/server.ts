import { Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';
import type { Dispatcher } from '../call.js';
import type { Method, MethodTable } from '../method-table.js';
import { bidiStreamHandler, clientStreamHandler, serverStreamHandler, unaryHandler } from './handlers.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What one peer may send. */
export interface GrpcLimits {
  readonly messageBytesMax: number;
  readonly concurrentStreamsPerConnectionMax: number;
}

export const DEFAULT_GRPC_LIMITS: GrpcLimits = {
  messageBytesMax: 4 * MIB,
  concurrentStreamsPerConnectionMax: 1000,
};

export interface GrpcServer {
  /** Listens on `host:port` and gives the port; 0 asks for any free one. */
  listen(address: string): Promise<number>;
  /** Stops taking calls and waits for the running ones, then cuts the connections that are left after `budgetMs`. */
  close(budgetMs: number): Promise<void>;
}

export interface GrpcServerDeps {
  readonly table: MethodTable;
  readonly dispatcher: Dispatcher;
  readonly credentials: ServerCredentials;
  readonly limits?: GrpcLimits;
}

/** For listeners that only this machine, or a proxy that encrypts, can reach. */
export function createPlaintextCredentials(): ServerCredentials {
  return ServerCredentials.createInsecure();
}

/** Serves the method table over gRPC. Messages pass as raw bytes: grpc-js neither encodes nor decodes. */
export function createGrpcServer({
  table,
  dispatcher,
  credentials,
  limits = DEFAULT_GRPC_LIMITS,
}: GrpcServerDeps): GrpcServer {
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': limits.messageBytesMax,
    'grpc.max_concurrent_streams': limits.concurrentStreamsPerConnectionMax,
  });
  for (const method of table.methods.values()) {
    const { type, handler } = handlerOf(dispatcher, method);
    server.register(method.path, handler, passThrough, passThrough, type);
  }
  return {
    listen: (address) => bind(server, address, credentials),
    close: (budgetMs) => shutDown(server, budgetMs),
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

async function shutDown(server: Server, budgetMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const graceful = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  const forced = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, budgetMs);
  });
  await Promise.race([graceful, forced]);
  clearTimeout(timer);
}
