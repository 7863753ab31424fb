import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';
import { CallMetadata } from '../../rpc/metadata.js';
import { REQUEST_ID_KEY } from '../../rpc/request-id.js';

/** Headers that are about the connection, the body or the browser, and so not about the call. */
const NOT_METADATA =
  /^(?:accept(?:-encoding|-charset)?|connection|content-.*|cookie|expect|host|keep-alive|origin|proxy-.*|referer|te|trailer|transfer-encoding|upgrade|upgrade-insecure-requests|connect-.*|grpc-timeout|sec-.*|access-control-.*|if-.*|:.*)$/;

/** Makes the metadata of a call from headers: all of them are, but for those that HTTP itself and browsers need. */
export function toRpcMetadata(headers: IncomingHttpHeaders, requestId: string): CallMetadata {
  const metadata = new CallMetadata();
  metadata.add(REQUEST_ID_KEY, requestId);
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string' || name === REQUEST_ID_KEY || NOT_METADATA.test(name)) continue;
    if (name.endsWith('-bin')) addBinary(metadata, name, value);
    else metadata.add(name, value);
  }
  return metadata;
}

/** Several values under one name come with commas between. */
function addBinary(metadata: CallMetadata, name: string, value: string): void {
  for (const part of value.split(',').map((text) => text.trim())) {
    if (!BASE64.test(part)) throw invalidRequest([{ field: '', description: `Header "${name}" must be base64` }]);
    metadata.addBinary(name, Buffer.from(part, 'base64'));
  }
}

/** Makes headers from the metadata that a call sends back. Values that HTTP cannot carry are left out. */
export function toRpcHeaders(metadata: CallMetadata, prefix = ''): Record<string, string> {
  const values = Object.entries(toTrailerValues(metadata));
  return Object.fromEntries(values.map(([name, texts]) => [`${prefix}${name}`, texts.join(', ')]));
}

/** Gives all values of the metadata that a call sends back, by name. Those that HTTP cannot carry are left out. */
export function toTrailerValues(metadata: CallMetadata): Record<string, string[]> {
  const values: Record<string, string[]> = {};
  const add = (name: string, value: string) => {
    if (NOT_METADATA.test(name) || !TOKEN.test(name) || !FIELD_VALUE.test(value)) return;
    (values[name] ??= []).push(value);
  };
  for (const [key, value] of metadata.entries()) add(key, value);
  for (const [key, value] of metadata.binaryEntries()) add(key, Buffer.from(value).toString('base64'));
  return values;
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;
