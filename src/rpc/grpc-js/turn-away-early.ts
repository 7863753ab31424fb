import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import type { GrpcServerDeps } from '../grpc/server.js';
import { endWithStatus } from '../grpc/response-writer.js';
import { turnAway } from '../grpc/turn-away.js';
import { http2ServersOf } from './http2-servers.js';

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/**
 * Answers calls that are turned away before grpc-js hears of them: by the time that it asks a handler, it has done most of
 * what a call costs. Call it once the server listens. Where its HTTP/2 servers are gone from where they are now, such calls
 * get the same answer, later.
 */
export function turnAwayEarly(
  server: Server,
  { table, dispatcher }: Pick<GrpcServerDeps, 'table' | 'dispatcher'>,
): void {
  for (const http2Server of http2ServersOf<EventEmitter>(server)) {
    const listeners = http2Server.listeners('stream') as StreamListener[];
    http2Server.removeAllListeners('stream');
    http2Server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const method = table.methods.get(headers[':path'] ?? '');
      const refusal = method && dispatcher.refuse(method);
      if (refusal === undefined) return listeners.forEach((listener) => listener.call(http2Server, stream, headers));
      stream.on('error', () => undefined);
      turnAway({ endWithStatus: (status) => endWithStatus(stream, status) }, refusal);
    });
  }
}
