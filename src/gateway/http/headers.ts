import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';
import { CallMetadata, type MetadataSource } from '../../rpc/metadata.js';
import { CONSISTENCY_KEY, CONSISTENCY_TOKEN_KEY } from '../../rpc/consistency.js';
import { REQUEST_ID_KEY, toRequestId } from '../../rpc/request-id.js';

/** Marks a header that is metadata under the rest of its name, in both directions. */
const PREFIX = 'grpc-metadata-';
/** Headers that mean the same as metadata, in both directions; `x-keelson-` stands for all that begin with it. */
const SHARED = new Set([REQUEST_ID_KEY, CONSISTENCY_TOKEN_KEY, 'traceparent', 'tracestate', 'baggage']);
const SHARED_PREFIX = 'x-keelson-';
/** Headers that reach a call but are never sent back. */
const INCOMING = new Set([CONSISTENCY_KEY, 'authorization', 'user-agent', 'accept-language']);
/** Metadata that is the transport's own, or that has a header of its own. */
const RESERVED = /^(?:grpc-|:|x-keelson-)|^(?:authorization|content-type|host|te|user-agent)$/;

/**
 * Makes the metadata of a call from HTTP headers. These go in, and no others: `authorization`, `x-request-id`,
 * `x-consistency`, `x-consistency-token`, `traceparent`, `tracestate`, `baggage`, `user-agent`, `accept-language`, all `x-keelson-*`, and all `grpc-metadata-*`
 * without that prefix, whose values are base64 where the name ends in `-bin`.
 */
export function toCallMetadata(headers: IncomingHttpHeaders, requestId: string): CallMetadata {
  const metadata = new CallMetadata(new HeaderMetadata(headers, requestId));
  for (const name in headers) {
    const value = headers[name];
    if (name.startsWith(PREFIX) && typeof value === 'string') addPrefixed(metadata, name, value);
  }
  return metadata;
}

/** The headers that are metadata as they are. Most calls ask for a few, and none for all. */
class HeaderMetadata implements MetadataSource {
  readonly #headers: IncomingHttpHeaders;
  readonly #requestId: string;

  constructor(headers: IncomingHttpHeaders, requestId: string) {
    this.#headers = headers;
    this.#requestId = requestId;
  }

  get(key: string): string | undefined {
    if (key === REQUEST_ID_KEY) return this.#requestId;
    const value = isMetadata(key) ? this.#headers[key] : undefined;
    return typeof value === 'string' ? value : undefined;
  }

  copyTo(metadata: CallMetadata): void {
    metadata.add(REQUEST_ID_KEY, this.#requestId);
    for (const [name, value] of Object.entries(this.#headers)) {
      if (name !== REQUEST_ID_KEY && typeof value === 'string' && isMetadata(name)) metadata.add(name, value);
    }
  }
}

function isMetadata(header: string): boolean {
  return INCOMING.has(header) || SHARED.has(header) || header.startsWith(SHARED_PREFIX);
}

function addPrefixed(metadata: CallMetadata, header: string, value: string): void {
  const key = header.slice(PREFIX.length);
  if (key === '' || RESERVED.test(key) || SHARED.has(key)) return;
  if (!key.endsWith('-bin')) return metadata.add(key, value);
  if (!BASE64.test(value)) throw invalidRequest([{ field: '', description: `Header "${header}" must be base64` }]);
  metadata.addBinary(key, Buffer.from(value, 'base64'));
}

/** Gives the id of a request: the caller's own, where it is fit for one, or a new one. */
export function readRequestId(headers: IncomingHttpHeaders): string {
  const given = headers[REQUEST_ID_KEY];
  return toRequestId(typeof given === 'string' ? given : undefined);
}

/** Makes HTTP headers from the metadata that a call sends back. Values that HTTP cannot carry are left out. */
export function toHttpHeaders(metadata: CallMetadata): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [key, value] of metadata.entries()) {
    const isShared = SHARED.has(key) || key.startsWith(SHARED_PREFIX);
    if (FIELD_VALUE.test(value) && TOKEN.test(key)) append(headers, isShared ? key : `${PREFIX}${key}`, value);
  }
  for (const [key, value] of metadata.binaryEntries()) {
    if (TOKEN.test(key)) append(headers, `${PREFIX}${key}`, Buffer.from(value).toString('base64'));
  }
  return headers;
}

function append(headers: Record<string, string>, name: string, value: string): void {
  headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;
