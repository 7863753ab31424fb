import { createGrpcServer } from '../../src/rpc/grpc/server.js';
import { createGrpcJsServer } from '../../src/rpc/grpc-js/server.js';

const TRANSPORTS = { http2: createGrpcServer, 'grpc-js': createGrpcJsServer } as const;

let current: keyof typeof TRANSPORTS = 'http2';

/** What the servers of the tests that run now are made with. */
export function currentTransport(): typeof createGrpcServer {
  return TRANSPORTS[current];
}

/** Defines the same tests for every transport that serves gRPC. */
export function onEachTransport(define: () => void): void {
  for (const name of Object.keys(TRANSPORTS) as (keyof typeof TRANSPORTS)[]) {
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
