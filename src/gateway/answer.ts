import type { Readable } from 'node:stream';

/** A whole HTTP response. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, bytes, or a stream of them that ends by itself. */
  readonly body: string | Uint8Array | Readable;
}

/** Goes out with every answer. Answers may hold secrets of the caller, and none of them is a page unless it says so. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Writes a value as JSON, with two spaces and a line end at the end for people to read. */
export function jsonText(value: unknown, { isPretty }: { isPretty: boolean }): string {
  return isPretty ? `${JSON.stringify(value, undefined, 2)}\n` : JSON.stringify(value);
}

/** Adds names to a header that is a list of them, such as Vary. */
export function joinNames(one: string | undefined, other: string): string {
  return one === undefined || one === '' ? other : `${one}, ${other}`;
}
