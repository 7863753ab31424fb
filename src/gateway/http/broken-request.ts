import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'Request is not valid HTTP',
  408: 'Request did not arrive in time',
  431: 'Request headers are too large',
};

/** Answers a request whose body has not arrived in time, where that can still be said, and closes the connection. */
export function answerLateRequest(socket: Socket, response: ServerResponse): void {
  if (response.headersSent) socket.destroy();
  else answerBrokenRequest(Object.assign(new Error('Body is late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
}

/** Answers what is no HTTP request in the form of every other error, and closes the connection. */
export function answerBrokenRequest(err: Error & { code?: string }, socket: Socket): void {
  if (err.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_BY_CODE[err.code ?? ''] ?? 400;
  const error = { code: status, message: MESSAGES[status], status: 'INVALID_ARGUMENT', details: [] };
  const body = JSON.stringify({ error });
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'x-content-type-options: nosniff',
      'cache-control: no-store',
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
