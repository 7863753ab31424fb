import { ServiceError } from '../errors.js';

/** The units of `grpc-timeout`, in milliseconds. */
const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Reads a `grpc-timeout` header (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), in milliseconds: every
 * legal value up to 99999999H. Undefined where there is none. Throws INVALID_REQUEST for what is not one.
 */
export function parseTimeoutMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  const unitMs = UNITS_MS[match?.[2] ?? ''];
  if (match === null || unitMs === undefined) {
    const shown = header.slice(0, 32);
    throw new ServiceError(
      'INVALID_REQUEST',
      `Invalid header grpc-timeout "${shown}": expected one to eight digits and a unit, such as 500m`,
    );
  }
  return Number(match[1]) * unitMs;
}
