import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';

/** Reads `Connect-Timeout-Ms`. Throws a ServiceError when it is malformed. */
export function readConnectTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const value = headers['connect-timeout-ms'];
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,10}$/.test(value)) return Number(value);
  throw invalidRequest([{ field: '', description: 'Header "connect-timeout-ms" is not a number of milliseconds' }]);
}
