import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { CallMetadata, isSendableKey, RESERVED_KEY, toHeaderText, toStatusText } from '../metadata.js';
import type { StatusError } from '../status.js';

export const OK_TRAILERS: OutgoingHttpHeaders = Object.freeze({ 'grpc-status': '0' });

/** Reads the metadata of a call. HTTP/2 has lower-cased the keys; `-bin` values are base64, padded or not. */
export function readMetadata(headers: IncomingHttpHeaders): CallMetadata {
  return new CallMetadata({
    get(key) {
      const value = headers[key];
      if (value === undefined || key.endsWith('-bin') || RESERVED_KEY.test(key)) return undefined;
      return Array.isArray(value) ? value[0] : value;
    },
    copyTo: (metadata) => copyMetadata(headers, metadata),
  });
}

function copyMetadata(headers: IncomingHttpHeaders, metadata: CallMetadata): void {
  for (const key of Object.keys(headers)) {
    const value = headers[key];
    if (value === undefined || RESERVED_KEY.test(key)) continue;
    for (const text of Array.isArray(value) ? value : [value]) {
      // Node joins the values of a repeated header; base64 holds no comma, other texts may.
      if (!key.endsWith('-bin')) metadata.add(key, text);
      else for (const part of text.split(',')) metadata.addBinary(key, Buffer.from(part.trim(), 'base64'));
    }
  }
}

/** Counts what a peer's headers take, as HTTP/2 does for its own limit: 32 bytes beside each key and value. */
export function countHeaderBytes(headers: IncomingHttpHeaders): number {
  let bytes = 0;
  for (const key of Object.keys(headers)) bytes += key.length + String(headers[key]).length + 32;
  return bytes;
}

/** Writes metadata as headers. What no header can hold is percent-encoded; a key that is none is left out. */
export function writeMetadata(metadata: CallMetadata): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (const [key, value] of metadata.entries()) {
    if (!isSendableKey(key) || key.endsWith('-bin')) continue;
    append(headers, key, toHeaderText(value));
  }
  for (const [key, value] of metadata.binaryEntries()) {
    if (!isSendableKey(key) || !key.endsWith('-bin')) continue;
    append(headers, key, Buffer.from(value).toString('base64').replace(/=+$/, ''));
  }
  return headers;
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
