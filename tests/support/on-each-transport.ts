import { createGrpcServer } from '../../src/rpc/grpc/server.js';
import { createGrpcJsServer } from '../../src/rpc/grpc-js/server.js';

const TRANSPORTS = { http2: createGrpcServer, 'grpc-js': createGrpcJsServer } as const;

let current: keyof typeof TRANSPORTS = 'http2';

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

/** Defines the same tests for every transport that serves gRPC. */
export function onEachTransport(define: () => void): void {
  for (const name of TRANSPORT_NAMES) {
    context(`on ${name}`, () => {
      before(() => {
        current = name;
      });
      after(() => {
        current = 'http2';
      });
      define();
    });
  }
}
