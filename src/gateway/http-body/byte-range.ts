import type { IncomingHttpHeaders } from 'node:http';

/** The bytes from one position up to, and not with, another. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Gives the range that a GET asks for (RFC 9110, 14.2) of so many bytes: undefined for all of them, and 'none' where it asks for
 * none that are there. Several ranges, and what is no range, ask for all; of nothing there is no part, so all of it is given.
 */
export function chooseRange(
  headers: IncomingHttpHeaders,
  { length, entityTag }: { readonly length: number; readonly entityTag: string | undefined },
): ByteRange | 'none' | undefined {
  const wanted = parseRange(headers.range);
  const condition = headers['if-range'];
  // A part goes with what the client has only where that is the same version, byte by byte.
  if (wanted === undefined || length === 0 || (condition !== undefined && condition !== entityTag)) return undefined;
  const { first, last } = wanted;
  const start = first ?? Math.max(length - last, 0);
  const end = first === undefined ? length : Math.min(last + 1, length);
  return start < end ? { start, end } : 'none';
}

/** The last so many bytes, where there is no first one. */
interface Wanted {
  readonly first: number | undefined;
  readonly last: number;
}

function parseRange(range: string | undefined): Wanted | undefined {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(range ?? '') ?? [];
  if (first === '') return last === '' ? undefined : { first: undefined, last: Number(last) };
  if (last === '') return { first: Number(first), last: Infinity };
  return Number(last) < Number(first) ? undefined : { first: Number(first), last: Number(last) };
}
