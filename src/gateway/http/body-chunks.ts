import { ServiceError } from '../../rpc/errors.js';
import type { Exchange } from '../exchange.js';

/**
 * Gives the body of a request as it comes, no faster than it is asked for. A body that its client has broken off never
 * looks finished. Whoever stops early leaves the rest to flow away unread, so that the answer still gets through.
 */
export async function* bodyChunks({ request, arrival }: Exchange): AsyncGenerator<Buffer> {
  let failed: Error | undefined;
  const keepFailure = (err: Error) => (failed = err);
  request.on('error', keepFailure);
  try {
    while (!request.readableEnded && !request.destroyed) {
      const chunk = request.read() as Buffer | null;
      if (chunk !== null) yield chunk;
      else await arrival.somethingNew();
    }
  } finally {
    // Node lets a body flow away only where nobody has begun to read it; the next request waits behind it.
    if (!request.readableEnded) setImmediate(() => request.resume());
  }
  if (!request.complete) {
    throw new ServiceError('CALL_CANCELLED', 'Requests were broken off by the caller', {}, { cause: failed });
  }
}
