import {
  getExtension,
  hasExtension,
  type DescField,
  type DescMessage,
  type JsonValue,
  type Registry,
} from '@bufbuild/protobuf';
import { findField, isLeafMessage, isOpaqueMessage } from './field-kinds.js';

const MASK = 'google.protobuf.FieldMask';
/** google.api.FieldBehavior: what a caller cannot change, and so does not mean to when it sends a resource back. */
const OUTPUT_ONLY = 3;
const IDENTIFIER = 8;

/** Gives the mask fields of a request. */
export function maskFields(input: DescMessage): DescField[] {
  return input.fields.filter((field) => field.fieldKind === 'message' && field.message.typeName === MASK);
}

/**
 * Reads the JSON form of a mask (`displayName,address.city`) into the names of the contract. Both forms of a name are
 * accepted. What follows a field of free form (google.protobuf.Struct, a map) is data and stays as it is: the canonical
 * rule would turn its capitals into underscores. Undefined when an empty path stands between the commas.
 */
export function parseMask(text: string, target: DescMessage | undefined): string[] | undefined {
  if (text === '') return [];
  const paths = splitOutsideBackticks(text, ',');
  if (paths.includes('')) return undefined;
  return paths.map((path) => translate(splitOutsideBackticks(path, '.'), target));
}

function translate(segments: readonly string[], target: DescMessage | undefined): string {
  const names: string[] = [];
  let message = target;
  for (const [index, segment] of segments.entries()) {
    const field: DescField | undefined = message && findField(message, segment);
    if (field === undefined) return [...names, ...segments.slice(index).map(toSnakeCase)].join('.');
    names.push(field.name);
    if (isFreeForm(field)) return [...names, ...segments.slice(index + 1)].join('.');
    message = field.message;
  }
  return names.join('.');
}

/** The canonical rule of proto3 JSON. */
function toSnakeCase(segment: string): string {
  if (segment.startsWith('`')) return segment;
  return segment.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isFreeForm(field: DescField): boolean {
  return field.fieldKind === 'map' || (field.message !== undefined && isOpaqueMessage(field.message));
}

function splitOutsideBackticks(text: string, separator: string): string[] {
  const parts = [''];
  let isInside = false;
  for (const char of text) {
    if (char === '`') isInside = !isInside;
    if (char === separator && !isInside) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

/**
 * Infers the mask of a PATCH from what its body holds (AIP-134): the leaves that are present, with null among them.
 * Lists, maps and values of free form are changed as a whole. Left out are fields that a caller cannot change, and
 * `etag`, which guards the change and is none (AIP-154).
 */
export function inferMask(registry: Registry, resource: DescMessage, body: JsonValue): string[] {
  const paths: string[] = [];
  for (const [field, value] of presentFields(registry, resource, body)) {
    if (field.name === 'etag' && field.fieldKind === 'scalar') continue;
    paths.push(...leavesOf(registry, field, value));
  }
  return paths;
}

function leavesOf(registry: Registry, field: DescField, value: JsonValue): string[] {
  if (field.fieldKind !== 'message' || isLeafMessage(field.message) || isOpaqueMessage(field.message)) {
    return [field.name];
  }
  // An empty message is a value too; one that holds only what a caller cannot change is not.
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [field.name];
  const inner = presentFields(registry, field.message, value);
  return inner.flatMap(([child, childValue]) =>
    leavesOf(registry, child, childValue).map((path) => `${field.name}.${path}`),
  );
}

function presentFields(registry: Registry, message: DescMessage, json: JsonValue): [DescField, JsonValue][] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return [];
  const present: [DescField, JsonValue][] = [];
  for (const [key, value] of Object.entries(json)) {
    const field = findField(message, key);
    if (field !== undefined && !isOutputOnly(registry, field)) present.push([field, value]);
  }
  return present;
}

const OUTPUT_ONLY_FIELDS = new WeakMap<DescField, boolean>();

function isOutputOnly(registry: Registry, field: DescField): boolean {
  const known = OUTPUT_ONLY_FIELDS.get(field);
  if (known !== undefined) return known;
  const isOutput = readBehaviors(registry, field).some(
    (behavior) => behavior === OUTPUT_ONLY || behavior === IDENTIFIER,
  );
  OUTPUT_ONLY_FIELDS.set(field, isOutput);
  return isOutput;
}

function readBehaviors(registry: Registry, { proto }: DescField): readonly unknown[] {
  const extension = registry.getExtension('google.api.field_behavior');
  if (extension === undefined || proto.options === undefined || !hasExtension(proto.options, extension)) return [];
  const behaviors: unknown = getExtension(proto.options, extension);
  return Array.isArray(behaviors) ? behaviors : [];
}
