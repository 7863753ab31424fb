import { Readable } from 'node:stream';

/** A whole HTTP response. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, bytes, or a stream of them that ends by itself. */
  readonly body: string | Uint8Array | Readable;
}

/**
 * Adds to an answer what goes out with every one, where the answer does not say otherwise: it may hold secrets of the
 * caller, and it is no page. One object is filled in place, for spreading three costs as much as the rest of an answer.
 */
export function withSafeHeaders(requestId: string, { status, headers, body }: HttpAnswer): HttpAnswer {
  const all: Record<string, string> = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
  };
  Object.assign(all, headers);
  return { status, headers: all, body };
}

/** Gives the body of an answer to HEAD where the length of the one to GET is not known: without one, none is told. */
export function noBody(): Readable {
  return Readable.from([]);
}

/** Writes a value as JSON, with two spaces and a line end at the end for people to read. */
export function jsonText(value: unknown, { isPretty }: { isPretty: boolean }): string {
  return isPretty ? `${JSON.stringify(value, undefined, 2)}\n` : JSON.stringify(value);
}

/** Adds names to a header that is a list of them, such as Vary. */
export function joinNames(one: string | undefined, other: string): string {
  return one === undefined || one === '' ? other : `${one}, ${other}`;
}
