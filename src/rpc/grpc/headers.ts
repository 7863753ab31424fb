import type { OutgoingHttpHeaders } from 'node:http2';
import { CallMetadata, isSendableKey, RESERVED_KEY, toHeaderText, toStatusText } from '../metadata.js';
import { CONSISTENCY_TOKEN_KEY } from '../consistency.js';
import { REQUEST_ID_KEY } from '../request-id.js';
import type { StatusError } from '../status.js';
import type { RequestHeaders } from './call-stream.js';
import { ACCEPTED_ENCODINGS } from './inflate.js';

/** What every answer begins with. */
export const RESPONSE_HEADERS: OutgoingHttpHeaders = Object.freeze({
  ':status': 200,
  'content-type': 'application/grpc+proto',
  'grpc-accept-encoding': ACCEPTED_ENCODINGS,
});

export const OK_TRAILERS: OutgoingHttpHeaders = Object.freeze({ 'grpc-status': '0' });

/** What nearly every answer carries; looking for anything wrong with them would cost more than to write them. */
const OWN_KEYS: ReadonlySet<string> = new Set([REQUEST_ID_KEY, CONSISTENCY_TOKEN_KEY]);

/** Reads the metadata of a call. HTTP/2 has names in lower case; `-bin` values are base64, padded or not. */
export function readMetadata(headers: RequestHeaders): CallMetadata {
  return new CallMetadata({
    // Most of what is asked for is not there, and then it does not matter what it is.
    get: (key) => {
      const value = headers.get(key);
      return value === undefined || key.endsWith('-bin') || RESERVED_KEY.test(key) ? undefined : value;
    },
    copyTo: (metadata) => headers.forEach((key, value) => addHeader(metadata, key, value)),
  });
}

function addHeader(metadata: CallMetadata, key: string, value: string): void {
  if (RESERVED_KEY.test(key)) return;
  // A repeated header may have been joined on its way; base64 holds no comma, other texts may.
  if (!key.endsWith('-bin')) metadata.add(key, value);
  else for (const part of value.split(',')) metadata.addBinary(key, Buffer.from(part.trim(), 'base64'));
}

/** Writes metadata as headers, behind those that are there. */
export function writeMetadata(metadata: CallMetadata, beginning?: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const headers = { ...beginning } as Record<string, string | string[]>;
  forEachHeader(metadata, (name, value) => append(headers, name, value));
  return headers;
}

/** Visits metadata as headers. What no header can hold is percent-encoded; a key that is none is left out. */
export function forEachHeader(metadata: CallMetadata, visit: (name: string, value: string) => void): void {
  metadata.forEachText((key, value) => {
    if (OWN_KEYS.has(key) || (isSendableKey(key) && !key.endsWith('-bin'))) visit(key, toHeaderText(value));
  });
  metadata.forEachBinary((key, value) => {
    if (isSendableKey(key) && key.endsWith('-bin'))
      visit(key, Buffer.from(value).toString('base64').replace(/=+$/, ''));
  });
}

function append(headers: Record<string, string | string[]>, key: string, value: string): void {
  const present = headers[key];
  if (present === undefined) headers[key] = value;
  else if (typeof present === 'string') headers[key] = [present, value];
  else present.push(value);
}

/** Writes how a call ended, with google.rpc.Status beside it, as rich-error clients expect. */
export function writeStatus(status: StatusError): OutgoingHttpHeaders {
  const pushback = status.retryDelayMs;
  return {
    'grpc-status': String(status.code),
    'grpc-message': toStatusText(status.message),
    'grpc-status-details-bin': Buffer.from(status.toBytes()).toString('base64').replace(/=+$/, ''),
    // What RetryInfo says to people and programs, said to the retry policies of every gRPC library.
    ...(pushback !== undefined && { 'grpc-retry-pushback-ms': String(Math.ceil(pushback)) }),
  };
}
