import {
  create,
  fromBinary,
  toJson,
  type DescField,
  type FileRegistry,
  type JsonValue,
  type Message,
} from '@bufbuild/protobuf';
import type { OutputOptions } from '../message/system-parameters.js';
import type { Binding } from '../routes/binding.js';

/** A response as JSON: all of it, and the part that is the answer. */
export interface ResponseJson {
  readonly body: JsonValue;
  readonly whole: JsonValue;
}

/**
 * Writes a response as canonical proto3 JSON. Fields at their default value are left out, as the canonical form has it:
 * what is there was set, and an answer is as short to read for a newcomer as the resource is.
 */
export function toResponseJson(
  registry: FileRegistry,
  binding: Binding,
  bytes: Uint8Array,
  output: OutputOptions,
): ResponseJson {
  const schema = binding.method.descriptor.output;
  const message = fromBinary(schema, bytes);
  const options = { registry, enumAsInteger: output.enumAsInteger };
  const { responseField } = binding;
  const whole = toJson(schema, message, options);
  if (responseField === undefined) return { body: whole, whole };
  const body = fieldJson(whole, responseField, () =>
    toJson(schema, create(schema) as Message, { ...options, alwaysEmitImplicit: true }),
  );
  return { body, whole };
}

/** A field that is the whole answer has a value even at its default: an empty list, a zero, or null for no message. */
function fieldJson(json: JsonValue, { jsonName }: DescField, defaults: () => JsonValue): JsonValue {
  return memberOf(json, jsonName) ?? memberOf(defaults(), jsonName) ?? null;
}

function memberOf(json: JsonValue, key: string): JsonValue | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json[key] : undefined;
}
