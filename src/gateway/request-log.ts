import type { Logger } from 'pino';
import { StatusError, toStatusError } from '../rpc/status.js';
import type { Exchange } from './exchange.js';
import { HttpFailure } from './http/http-failure.js';

/** What a line says about where a request came from. */
export type Refused = Pick<Exchange, 'startMs' | 'requestId' | 'peer'>;

/**
 * Writes the line of a request that ended before it was a call, in the keys of a call's line. What the call path has
 * refused, it has logged itself. The path is left out: it is the stranger's to choose.
 */
export function logRefusal(log: Logger, exchange: Refused, err: unknown): void {
  const failure: unknown = err instanceof HttpFailure ? err.failure : err;
  if (failure instanceof StatusError) return;
  const status = toStatusError(failure, exchange.requestId);
  const line = {
    protocol: 'http',
    code: status.codeName,
    durationMs: Math.round((performance.now() - exchange.startMs) * 1000) / 1000,
    requestId: exchange.requestId,
    peer: exchange.peer,
  };
  if (status.codeName === 'INTERNAL') log.error({ ...line, err: status.cause }, 'http request failed');
  else log.info({ ...line, error: status.message }, 'http request refused');
}
