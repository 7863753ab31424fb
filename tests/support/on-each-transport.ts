import { readConfig } from '../../src/config.js';
import { createFramedServer } from '../../src/rpc/framed/server.js';
import { createGrpcServer } from '../../src/rpc/grpc/server.js';
import { createGrpcJsServer } from '../../src/rpc/grpc-js/server.js';

const TRANSPORTS = { framed: createFramedServer, http2: createGrpcServer, 'grpc-js': createGrpcJsServer } as const;

/** What a server has that is told nothing. */
const DEFAULT_TRANSPORT = readConfig({}).grpcTransport;

let current: keyof typeof TRANSPORTS = DEFAULT_TRANSPORT;

/** What the servers of the tests that run now are made with. */
export function currentTransport(): typeof createGrpcServer {
  return TRANSPORTS[current];
}

export const TRANSPORT_NAMES = Object.keys(TRANSPORTS) as readonly (keyof typeof TRANSPORTS)[];

export function isTransportName(name: string): name is keyof typeof TRANSPORTS {
  return Object.hasOwn(TRANSPORTS, name);
}

/** Makes all servers that start from now on with it. */
export function useTransport(name: keyof typeof TRANSPORTS): void {
  current = name;
}

/** Those that hold a peer to every limit; docs/transports.md says what the others do not do. */
export const LIMITED_TRANSPORTS = ['framed', 'http2'] as const satisfies (keyof typeof TRANSPORTS)[];

/** Defines the same tests for every transport that serves gRPC. */
export function onEachTransport(define: () => void): void {
  onTransports(TRANSPORT_NAMES, define);
}

/** Defines the same tests for some of them. */
export function onTransports(names: readonly (keyof typeof TRANSPORTS)[], define: () => void): void {
  for (const name of names) {
    context(`on ${name}`, () => {
      before(() => {
        current = name;
      });
      after(() => {
        current = DEFAULT_TRANSPORT;
      });
      define();
    });
  }
}
