import type { IncomingMessage } from 'node:http';
import { ServiceError } from '../../rpc/errors.js';

/**
 * Gives the body of a request as it comes, no faster than it is asked for. A body that its client has broken off never
 * looks finished. Whoever stops early leaves the rest to flow away unread, so that the answer still gets through.
 */
export async function* bodyChunks(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (cause) {
    throw new ServiceError('CALL_CANCELLED', 'Requests were broken off by the caller', {}, { cause });
  } finally {
    // Node lets a body flow away only where nobody has begun to read it; the next request waits behind it.
    if (!request.readableEnded) setImmediate(() => request.resume());
  }
  if (!request.complete) throw new ServiceError('CALL_CANCELLED', 'Requests were broken off by the caller');
}
