import {
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type JsonValue,
  type Registry,
} from '@bufbuild/protobuf';
import { invalidRequest } from '../../rpc/errors.js';
import { checkJsonText, JsonTextError } from '../message/json-text.js';
import { findJsonViolations } from '../message/json-violations.js';

/** How a message stands in a body. */
export interface Codec {
  readonly name: 'json' | 'proto';
  readonly contentType: string;
  /** Gives the encoded message that a body stands for. Throws a ServiceError when it stands for none. */
  decode(schema: DescMessage, body: Buffer): Uint8Array;
  encode(schema: DescMessage, message: Uint8Array): string | Uint8Array;
}

/** Messages as they are: nothing is decoded on the way, the call path does that. */
export const PROTO: Codec = {
  name: 'proto',
  contentType: 'application/proto',
  decode: (_schema, body) => body,
  encode: (_schema, message) => message,
};

/**
 * Messages as JSON. Fields that are not known are ignored, as in the binary form: a typed client may be newer than this
 * server. Everything else is as strict as in REST.
 */
export function createJsonCodec(registry: Registry): Codec {
  return {
    name: 'json',
    contentType: 'application/json',
    decode: (schema, body) => decodeJson(registry, schema, body),
    encode: (schema, message) => JSON.stringify(toJson(schema, fromBinary(schema, message), { registry })),
  };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function decodeJson(registry: Registry, schema: DescMessage, body: Buffer): Uint8Array {
  const json = parse(body);
  try {
    return toBinary(schema, fromJson(schema, json, { registry, ignoreUnknownFields: true }));
  } catch {
    const violations = findJsonViolations(registry, schema, json, { ignoreUnknownFields: true });
    throw invalidRequest(
      violations.length > 0 ? violations : [{ field: '', description: `Body is no ${schema.typeName}` }],
    );
  }
}

function parse(body: Buffer): JsonValue {
  try {
    const text = UTF8.decode(body);
    checkJsonText(text, '');
    return JSON.parse(text) as JsonValue;
  } catch (err) {
    const { field, message } = err instanceof JsonTextError ? err : { field: '', message: 'Body is not JSON in UTF-8' };
    throw invalidRequest([{ field, description: message }]);
  }
}
