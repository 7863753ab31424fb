/** Request or response metadata of a call. Keys are case-insensitive; binary values live under keys that end in `-bin`. */
export class CallMetadata {
  readonly #text = new Map<string, string[]>();
  readonly #binary = new Map<string, Uint8Array[]>();

  /** Gives the first text value of a key. */
  get(key: string): string | undefined {
    return this.#text.get(key.toLowerCase())?.[0];
  }

  /** Gives the first value of a key that ends in `-bin`. */
  getBinary(key: string): Uint8Array | undefined {
    return this.#binary.get(key.toLowerCase())?.[0];
  }

  add(key: string, value: string): void {
    append(this.#text, key.toLowerCase(), value);
  }

  addBinary(key: string, value: Uint8Array): void {
    append(this.#binary, key.toLowerCase(), value);
  }

  /** Gives all text values, key by key. */
  *entries(): Generator<readonly [key: string, value: string]> {
    for (const [key, values] of this.#text) for (const value of values) yield [key, value];
  }

  /** Gives all binary values, key by key. */
  *binaryEntries(): Generator<readonly [key: string, value: Uint8Array]> {
    for (const [key, values] of this.#binary) for (const value of values) yield [key, value];
  }
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** Tells whether a key can be sent: what HTTP/2 takes as a name, and does not keep to itself. */
export function isSendableKey(key: string): boolean {
  return LEGAL_KEY.test(key) && !RESERVED_KEY.test(key);
}

const LEGAL_KEY = /^[0-9a-z_.-]+$/;
/** Belong to the transport: they neither reach a handler nor may a handler send them. */
export const RESERVED_KEY =
  /^(?::|grpc-(?!trace-bin$|tags-bin$)|(?:te|content-type|content-length|connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host|http2-settings)$)/;

const ILLEGAL_IN_HEADER = /[^ -~]/gu;

/** Makes any text fit for a header: what none can hold is percent-encoded, after lone surrogates became U+FFFD. */
export function toHeaderText(text: string): string {
  return percentEncode(text, ILLEGAL_IN_HEADER);
}

/** Percent-encodes the characters that the pattern names; it must have the flags `gu`. */
export function percentEncode(text: string, illegal: RegExp): string {
  return text.toWellFormed().replace(illegal, (character) => encodeURIComponent(character));
}
