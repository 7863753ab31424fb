import { toBinary, type FileRegistry, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { invalidRequest } from '../../rpc/errors.js';
import type { Method } from '../../rpc/method-table.js';
import { createJsonCodec } from '../connect/codec.js';
import type { QueryParameter } from '../http/query.js';
import { bindRequest, type JsonBody } from '../message/bind-request.js';
import { parseJsonBody } from '../rest/json-body.js';
import { toResponseJson } from '../rest/write-response.js';
import type { Binding } from '../routes/binding.js';
import type { PathSegments } from '../routes/request-target.js';
import type { SocketFrame } from './inbox.js';

/** Messages as JSON, or encoded; what is said about the call is JSON in both. */
export const SUBPROTOCOLS = ['keelson.v1.json', 'keelson.v1.proto'] as const;
export type Subprotocol = (typeof SUBPROTOCOLS)[number];

/** What a socket was opened for. */
export interface SocketTarget {
  readonly method: Method;
  /** Undefined at the path of the method itself, where a frame holds all of a request. */
  readonly binding: Binding | undefined;
  readonly segments: PathSegments;
  readonly parameters: readonly QueryParameter[];
}

/** What a client says with one frame. */
export type ClientWord =
  | { readonly kind: 'start'; readonly start: JsonObject }
  | { readonly kind: 'message'; readonly message: Uint8Array }
  | { readonly kind: 'end' };

/** Reads a frame. Throws a ServiceError for one that says nothing. */
export function readWord(registry: FileRegistry, target: SocketTarget, frame: SocketFrame): ClientWord {
  if (frame.isBinary) return { kind: 'message', message: withPath(registry, target, frame.bytes) };
  const { value, hasUnsafeInteger } = parseJsonBody(frame.bytes, '');
  const [entry, another] = isObject(value) ? Object.entries(value) : [];
  if (entry === undefined || another !== undefined) throw noWord();
  const [word, content] = entry;
  if (word === 'end') return { kind: 'end' };
  if (word === 'start' && isObject(content)) return { kind: 'start', start: content };
  if (word !== 'message' || content === undefined) throw noWord();
  return { kind: 'message', message: encode(registry, target, { value: content, hasUnsafeInteger }) };
}

/** Writes a message of the answer. */
export function writeMessage(
  registry: FileRegistry,
  { method, binding }: SocketTarget,
  { subprotocol, message }: { readonly subprotocol: Subprotocol; readonly message: Uint8Array },
): string | Uint8Array {
  if (subprotocol === 'keelson.v1.proto') return message;
  if (binding === undefined) {
    return `{"message":${String(createJsonCodec(registry).encode(method.descriptor.output, message))}}`;
  }
  const output = { isPretty: false, enumAsInteger: false };
  return JSON.stringify({ message: toResponseJson(registry, binding, message, output).body });
}

function encode(registry: FileRegistry, target: SocketTarget, body: JsonBody): Uint8Array {
  const { method, binding, segments, parameters } = target;
  const { input } = method.descriptor;
  if (binding === undefined) return createJsonCodec(registry).decode(input, Buffer.from(JSON.stringify(body.value)));
  if (binding.body.kind === 'none') {
    if (isObject(body.value) && Object.keys(body.value).length === 0)
      return withPath(registry, target, Buffer.alloc(0));
    throw invalidRequest([
      { field: '', description: 'Message must be empty: this method takes its fields from the URL' },
    ]);
  }
  return toBinary(input, bindRequest(registry, binding, { segments, parameters, body }));
}

/** Path and query are in every request: encoded messages that stand one behind the other are one, and the last wins. */
function withPath(registry: FileRegistry, target: SocketTarget, bytes: Buffer): Uint8Array {
  const { method, binding, segments, parameters } = target;
  if (binding === undefined) return bytes;
  const path = bindRequest(registry, binding, { segments, parameters, body: undefined });
  return Buffer.concat([bytes, toBinary(method.descriptor.input, path)]);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function noWord(): Error {
  return invalidRequest([
    { field: '', description: 'Frame must be {"start": {...}}, {"message": ...} or {"end": {}}' },
  ]);
}
