import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { afterwards, type Awaitable } from '../../async/awaitable.js';
import { ServiceError } from '../../rpc/errors.js';
import { checkContentEncoding, decompress } from './decompress.js';
import { bodyTooLarge } from './http-failure.js';

/** Tells whether a request announces a body. One of length 0 is none. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Tells whether all of a body is there, as it is where it came in one packet with its head. */
export function hasArrived(request: IncomingMessage): boolean {
  return request.complete || request.readableLength >= Number(request.headers['content-length'] ?? Infinity);
}

/**
 * Reads a request body of at most `bytesMax` bytes, also when it has been decompressed. Refuses a larger one with 413 before it is held in memory: at once
 * when its length is announced, else at the first byte beyond. As much again flows away
 * unread, so that a client that is still writing gets to read the answer; then the connection is cut.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Awaitable<Buffer> {
  const { headers } = request;
  checkContentEncoding(headers);
  if (Number(headers['content-length'] ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
  return afterwards(takeArrived(request, bytesMax) ?? receive(request, bytesMax), (bytes) =>
    decompress(bytes, headers['content-encoding'], bytesMax),
  );
}

/** Takes a body that is there already. Undefined for one that has to be waited for, or refused. */
function takeArrived(request: IncomingMessage, bytesMax: number): Buffer | undefined {
  if (!hasArrived(request) || request.readableLength === 0 || request.readableLength > bytesMax) return undefined;
  const bytes = request.read() as Buffer;
  // Its end has to be heard by somebody.
  request.resume();
  return bytes;
}

function receive(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    const onGone = () => reject(gone());
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) {
        request.removeAllListeners('data');
        chunks.length = 0;
        letFlowAway(request, bytesMax);
        reject(bodyTooLarge(bytesMax));
      } else {
        chunks.push(chunk);
      }
    });
    request.once('end', () => {
      // A request that has arrived is closed as well.
      request.off('close', onGone);
      resolve(Buffer.concat(chunks));
    });
    request.once('error', onGone);
    request.once('close', onGone);
  });
}

/** Lets a client that writes before it reads get to the answer, and cuts one that just goes on. */
function letFlowAway(request: IncomingMessage, bytesMax: number): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) request.socket.destroy();
  });
}

function gone(): ServiceError {
  return new ServiceError('CALL_CANCELLED', 'The caller went away before its request was complete');
}
