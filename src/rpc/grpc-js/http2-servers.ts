import type { Server } from '@grpc/grpc-js';

/**
 * Gives the HTTP/2 servers of Node underneath, once the server listens. They are a private field of grpc-js; where that is
 * gone there are none.
 */
export function http2ServersOf<T>(server: Server): readonly T[] {
  const http2Servers: unknown = Reflect.get(server, 'http2Servers');
  return http2Servers instanceof Map ? [...(http2Servers as Map<T, unknown>).keys()] : [];
}
