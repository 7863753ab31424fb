import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ServiceError } from '../../rpc/errors.js';
import { checkContentEncoding, decompress } from './decompress.js';
import { bodyTooLarge } from './http-failure.js';

/** Tells whether a request announces a body. One of length 0 is none. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Reads a request body of at most `bytesMax` bytes, also when it has been decompressed. Refuses a larger one with 413 before it is held in memory: at once
 * when its length is announced, else at the first byte beyond. As much again flows away
 * unread, so that a client that is still writing gets to read the answer; then the connection is cut.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  checkContentEncoding(request.headers);
  return decompress(await receive(request, bytesMax), request.headers['content-encoding'], bytesMax);
}

async function receive(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw bodyTooLarge(bytesMax);
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
