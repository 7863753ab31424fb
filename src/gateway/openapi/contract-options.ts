import {
  getExtension,
  hasExtension,
  toJson,
  type DescField,
  type DescMessage,
  type DescOneof,
  type JsonObject,
  type JsonValue,
  type Registry,
} from '@bufbuild/protobuf';

/** What google.api.field_behavior says about a field. */
export interface FieldBehavior {
  readonly isRequired: boolean;
  readonly isOutputOnly: boolean;
  readonly isInputOnly: boolean;
}

const REQUIRED = 2;
const OUTPUT_ONLY = 3;
const INPUT_ONLY = 4;

/** Reads what a contract says about the direction of a field. */
export function behaviorOf(registry: Registry, field: DescField): FieldBehavior {
  const stated = readOption(registry, field, 'google.api.field_behavior');
  const has = (behavior: number) => Array.isArray(stated) && stated.includes(behavior);
  return { isRequired: has(REQUIRED), isOutputOnly: has(OUTPUT_ONLY), isInputOnly: has(INPUT_ONLY) };
}

/** Gives the patterns of the names of a resource: `collections/{collection}/documents/{document}`. */
export function resourcePatterns(registry: Registry, message: DescMessage): string[] {
  const { pattern } = asObject(readOption(registry, message, 'google.api.resource'));
  return Array.isArray(pattern) ? pattern.filter((text) => typeof text === 'string') : [];
}

/** Gives the buf.validate rules of a field as JSON, with the names of the contract. Empty where there are none. */
export function fieldRules(registry: Registry, field: DescField): JsonObject {
  return asObject(readOption(registry, field, 'buf.validate.field'));
}

/** Tells whether one field of a oneof must be set. */
export function isOneofRequired(registry: Registry, oneof: DescOneof): boolean {
  return asObject(readOption(registry, oneof, 'buf.validate.oneof'))['required'] === true;
}

/** Gives a JSON value that is an object, and an empty one for any other. */
export function asObject(json: JsonValue | undefined): JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};
}

/** Gives a JSON value that is a text, and an empty one for any other. */
export function asText(json: JsonValue | undefined): string {
  return typeof json === 'string' ? json : '';
}

/** Reads an option. What is no message or list of numbers is not read here. */
function readOption(
  registry: Registry,
  { proto }: DescField | DescMessage | DescOneof,
  name: string,
): JsonValue | undefined {
  const extension = registry.getExtension(name);
  const { options } = proto;
  if (extension === undefined || options === undefined || !hasExtension(options, extension)) return undefined;
  const value: unknown = getExtension(options, extension);
  if (extension.fieldKind === 'message') {
    return toJson(extension.message, value as never, { registry, useProtoFieldName: true });
  }
  return Array.isArray(value) ? value.filter((item) => typeof item === 'number') : undefined;
}
