/** Where metadata is before anybody has asked for all of it. */
export interface MetadataSource {
  /** Gives the first text value of a key in lower case. */
  get(key: string): string | undefined;
  /** Adds everything to metadata that has none yet. */
  copyTo(metadata: CallMetadata): void;
}

/** Request or response metadata of a call. Keys are case-insensitive; binary values live under keys that end in `-bin`. */
export class CallMetadata {
  #source: MetadataSource | undefined;
  #text: Map<string, string[]> | undefined;
  #binary: Map<string, Uint8Array[]> | undefined;

  /** Begins with what a source has, or with nothing. */
  constructor(source?: MetadataSource) {
    this.#source = source;
  }

  /** Gives the first text value of a key. */
  get(key: string): string | undefined {
    const name = key.toLowerCase();
    return this.#source === undefined ? this.#text?.get(name)?.[0] : this.#source.get(name);
  }

  /** Gives the first value of a key that ends in `-bin`. */
  getBinary(key: string): Uint8Array | undefined {
    this.#copySource();
    return this.#binary?.get(key.toLowerCase())?.[0];
  }

  get isEmpty(): boolean {
    return this.#source === undefined && this.#text === undefined && this.#binary === undefined;
  }

  add(key: string, value: string): void {
    this.#copySource();
    append((this.#text ??= new Map<string, string[]>()), key.toLowerCase(), value);
  }

  addBinary(key: string, value: Uint8Array): void {
    this.#copySource();
    append((this.#binary ??= new Map<string, Uint8Array[]>()), key.toLowerCase(), value);
  }

  /** Gives all text values, key by key. */
  entries(): readonly (readonly [key: string, value: string])[] {
    const pairs: (readonly [string, string])[] = [];
    this.forEachText((key, value) => pairs.push([key, value]));
    return pairs;
  }

  /** Gives all binary values, key by key. */
  binaryEntries(): readonly (readonly [key: string, value: Uint8Array])[] {
    const pairs: (readonly [string, Uint8Array])[] = [];
    this.forEachBinary((key, value) => pairs.push([key, value]));
    return pairs;
  }

  forEachText(visit: (key: string, value: string) => void): void {
    this.#copySource();
    forEachPair(this.#text, visit);
  }

  forEachBinary(visit: (key: string, value: Uint8Array) => void): void {
    this.#copySource();
    forEachPair(this.#binary, visit);
  }

  #copySource(): void {
    const source = this.#source;
    this.#source = undefined;
    source?.copyTo(this);
  }
}

function forEachPair<T>(
  map: ReadonlyMap<string, readonly T[]> | undefined,
  visit: (key: string, value: T) => void,
): void {
  map?.forEach((values, key) => {
    for (const value of values) visit(key, value);
  });
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

// HTTP/2 drops a header that begins or ends with a space.
const ILLEGAL_IN_HEADER = /^ +| +$|[^ -~]/gu;
const LEGAL_IN_HEADER = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;
/** What a status message may not show: as a header, and percent signs as well, as gRPC asks for. */
const ILLEGAL_IN_STATUS = /^ +| +$|[^ -$&-~]/gu;

/** Makes any text fit for a header: what none can hold is percent-encoded, after lone surrogates became U+FFFD. */
export function toHeaderText(text: string): string {
  if (LEGAL_IN_HEADER.test(text)) return text;
  return percentEncode(text, ILLEGAL_IN_HEADER);
}

/** Encodes the text of a status as `grpc-message` does. */
export function toStatusText(text: string): string {
  return percentEncode(text, ILLEGAL_IN_STATUS);
}

/** Percent-encodes the characters that the pattern names; it must have the flags `gu`. */
function percentEncode(text: string, illegal: RegExp): string {
  return text.toWellFormed().replace(illegal, (character) => encodeURIComponent(character));
}
