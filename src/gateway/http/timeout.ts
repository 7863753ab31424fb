import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};
const MS_PER_SECOND = 1000;

/**
 * Reads how long the caller will wait, in milliseconds: `Grpc-Timeout` as gRPC has it (`1500m`), or `X-Server-Timeout`
 * in seconds (`1.5`); the shorter one where both are given. Throws a ServiceError when one is malformed.
 */
export function readTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  if (headers['grpc-timeout'] === undefined && headers['x-server-timeout'] === undefined) return undefined;
  const given = [
    parse(headers, 'grpc-timeout', GRPC, ([, digits, unit]) => Number(digits) * (MS_PER_UNIT[unit ?? ''] ?? 0)),
    parse(headers, 'x-server-timeout', SECONDS, ([seconds]) => Number(seconds) * MS_PER_SECOND),
  ].filter((timeoutMs) => timeoutMs !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}

function parse(
  headers: IncomingHttpHeaders,
  name: string,
  form: RegExp,
  toMs: (match: RegExpExecArray) => number,
): number | undefined {
  const value = headers[name];
  if (typeof value !== 'string') return undefined;
  const match = form.exec(value);
  if (match === null) throw invalidRequest([{ field: '', description: `Header "${name}" is not a duration` }]);
  return toMs(match);
}

const GRPC = /^(\d{1,8})([HMSmun])$/;
const SECONDS = /^\d{1,8}(?:\.\d{1,9})?$/;
