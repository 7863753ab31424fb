import type { RequestHeaders } from '../grpc/call-stream.js';
import type { HeaderList } from './hpack/decoder.js';
import { Pseudo, type HeaderField } from './hpack/header-field.js';
import { ErrorCode, StreamError } from './protocol.js';

const CONTENT_LENGTH = /^\d{1,15}$/;
const REQUIRED = Pseudo.METHOD | Pseudo.SCHEME | Pseudo.PATH;

/** Reads the headers that begin a request. Throws {@link StreamError} where it is malformed (RFC 9113, section 8.1.1). */
export function readRequest(streamId: number, { fields, bytes }: HeaderList): FieldHeaders {
  const headers = new FieldHeaders(fields, bytes);
  const fault = faultOfRequest(fields, headers);
  if (fault !== undefined) throw malformed(streamId, fault);
  return headers;
}

/** Trailers are headers without the line that makes a request. Throws {@link StreamError}. */
export function readTrailers(streamId: number, { fields }: HeaderList): void {
  for (const { isLegal, pseudo } of fields) {
    if (!isLegal || pseudo !== 0) throw malformed(streamId, 'There is a trailer that HTTP/2 does not let through');
  }
}

/** The headers of a request, as they came. */
export class FieldHeaders implements RequestHeaders {
  readonly bytes: number;
  readonly #fields: readonly HeaderField[];

  constructor(fields: readonly HeaderField[], bytes: number) {
    this.#fields = fields;
    this.bytes = bytes;
  }

  /** How long the body says that it is. */
  get contentLength(): number | undefined {
    const text = this.get('content-length');
    return text === undefined ? undefined : Number(text);
  }

  get(name: string): string | undefined {
    for (const field of this.#fields) if (field.name === name) return field.value;
    return undefined;
  }

  forEach(visit: (name: string, value: string) => void): void {
    for (const { name, value } of this.#fields) visit(name, value);
  }
}

/** Section 8.3.1. */
function faultOfRequest(fields: readonly HeaderField[], headers: FieldHeaders): string | undefined {
  let seen = 0;
  let isBehindPseudo = false;
  for (const { pseudo, isLegal, value } of fields) {
    if (!isLegal) return 'There is a header that HTTP/2 does not let through';
    if (pseudo === 0) {
      isBehindPseudo = true;
      continue;
    }
    if (isBehindPseudo) return 'There is a pseudo-header behind headers';
    if (pseudo === Pseudo.UNKNOWN) return 'There is an unknown pseudo-header';
    if ((seen & pseudo) !== 0) return 'There is a pseudo-header twice';
    if (pseudo === Pseudo.PATH && value === '') return 'The path is empty';
    seen |= pseudo;
  }
  if (!CONTENT_LENGTH.test(headers.get('content-length') ?? '0')) return 'Header content-length is no length';
  if ((seen & REQUIRED) === REQUIRED) return undefined;
  // Section 8.5: CONNECT names an authority alone. It is answered like any other method that is not POST.
  if (headers.get(':method') === 'CONNECT' && (seen & Pseudo.AUTHORITY) !== 0) return undefined;
  return 'There is no method, no scheme or no path';
}

function malformed(streamId: number, message: string): StreamError {
  return new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, message);
}
