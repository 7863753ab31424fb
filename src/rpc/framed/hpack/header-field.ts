/** What a field takes in a table, and in a list of headers, beside its name and its value (RFC 7541, section 4.1). */
export const FIELD_OVERHEAD_BYTES = 32;

/** A token in lower case, and a colon only where a pseudo-header begins (RFC 9113, section 8.2.1). */
const LEGAL_NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** A value with one of these, or with white space around it, is malformed. */
const ILLEGAL_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;
/** Belong to a connection of HTTP/1 (RFC 9113, section 8.2.2). */
const OF_CONNECTION = /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/;

/** The pseudo-headers of a request, a bit each, so that a set of them is a number (RFC 9113, section 8.3.1). */
export const Pseudo = { METHOD: 1, SCHEME: 2, AUTHORITY: 4, PATH: 8, UNKNOWN: 16 } as const;

const PSEUDO_BITS: Readonly<Record<string, number>> = {
  ':method': Pseudo.METHOD,
  ':scheme': Pseudo.SCHEME,
  ':authority': Pseudo.AUTHORITY,
  ':path': Pseudo.PATH,
};

/** A name and a value, and what there is to know of them: it is found out once, however often a table gives the field. */
export class HeaderField {
  readonly name: string;
  readonly value: string;
  /** As tables and limits count it. */
  readonly bytes: number;
  /** A bit of {@link Pseudo}, or 0. */
  readonly pseudo: number;
  /** Tells whether a request of HTTP/2 may have it. */
  readonly isLegal: boolean;

  /** Name and value hold one character a byte. */
  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.bytes = name.length + value.length + FIELD_OVERHEAD_BYTES;
    this.pseudo = name.startsWith(':') ? (PSEUDO_BITS[name] ?? Pseudo.UNKNOWN) : 0;
    this.isLegal = isLegal(name, value);
  }
}

function isLegal(name: string, value: string): boolean {
  if (!LEGAL_NAME.test(name) || ILLEGAL_VALUE.test(value)) return false;
  return name === 'te' ? value === 'trailers' : !OF_CONNECTION.test(name);
}
