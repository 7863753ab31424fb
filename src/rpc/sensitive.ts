import { toJson, type DescField, type DescMessage, type FileRegistry, type JsonValue } from '@bufbuild/protobuf';
import type { Message } from '@bufbuild/protobuf';
import { anyUnpack, type Any } from '@bufbuild/protobuf/wkt';
import {
  isReflectList,
  isReflectMap,
  isReflectMessage,
  reflect,
  type ReflectMessage,
} from '@bufbuild/protobuf/reflect';
import { readSensitivity, type Sensitivity } from './contract-options.js';

const ANY = 'google.protobuf.Any';
/** More would be an attack on whoever looks for them. */
const VALUES_MAX = 256;

/** Knows which fields of a message must not be seen. */
export interface SensitiveFields {
  /** Gives what stands in them, as texts in which an error or a log line could show it. */
  values(message: Message): string[];
  /** Writes the message as JSON, with a word in place of each such value. */
  redact(message: Message): JsonValue;
}

/** Gives undefined for a message that has no such field, at any depth. */
export function compileSensitive(registry: FileRegistry, schema: DescMessage): SensitiveFields | undefined {
  const finder = createFinder(registry);
  if (!finder.isBelow(schema)) return undefined;
  return {
    values(message) {
      const values = new Set<string>();
      collect(registry, finder, reflect(schema, message), values);
      return [...values];
    },
    redact: (message) => hide(registry, finder, schema, toJson(schema, message, { registry })),
  };
}

interface Finder {
  sensitivityOf(field: DescField): Sensitivity | undefined;
  /** Tells whether the message has a sensitive field, at any depth. */
  isBelow(message: DescMessage): boolean;
}

function createFinder(registry: FileRegistry): Finder {
  const sensitivities = new Map<DescField, Sensitivity | undefined>();
  const known = new Map<DescMessage, boolean>();
  const sensitivityOf = (field: DescField) => {
    if (!sensitivities.has(field)) sensitivities.set(field, readSensitivity(registry, field));
    return sensitivities.get(field);
  };
  const isBelow = (message: DescMessage): boolean => {
    const found = known.get(message);
    if (found !== undefined) return found;
    // A message that holds itself adds nothing by that.
    known.set(message, false);
    const isSensitive = (field: DescField) =>
      sensitivityOf(field) !== undefined || (field.message !== undefined && isBelow(field.message));
    const result = message.typeName === ANY ? isAnyBelow() : message.fields.some(isSensitive);
    known.set(message, result);
    return result;
  };
  /** What may be packed is any message that is known. */
  const isAnyBelow = () => [...registry].some((desc) => desc.kind === 'message' && isBelow(desc));
  return { sensitivityOf, isBelow };
}

function collect(registry: FileRegistry, finder: Finder, message: ReflectMessage, into: Set<string>): void {
  if (message.desc.typeName === ANY) {
    const packed = anyUnpack(message.message as Any, registry);
    const schema = packed && registry.getMessage(packed.$typeName);
    if (packed !== undefined && schema !== undefined) collect(registry, finder, reflect(schema, packed), into);
    return;
  }
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const value: unknown = message.get(field);
    if (finder.sensitivityOf(field) !== undefined) addAll(value, into);
    else for (const inner of messagesOf(value)) collect(registry, finder, inner, into);
  }
}

function messagesOf(value: unknown): Iterable<ReflectMessage> {
  if (isReflectMessage(value)) return [value];
  const items: unknown[] = isReflectList(value) ? [...value] : isReflectMap(value) ? [...value.values()] : [];
  return items.filter((item): item is ReflectMessage => isReflectMessage(item));
}

/** Adds everything inside a sensitive field, keys of maps too. Truths and enum values have no text of their own. */
function addAll(value: unknown, into: Set<string>): void {
  if (into.size >= VALUES_MAX) return;
  if (typeof value === 'string') into.add(value);
  else if (typeof value === 'number' || typeof value === 'bigint') into.add(String(value));
  else if (value instanceof Uint8Array) addBytes(Buffer.from(value), into);
  else if (isReflectList(value)) for (const item of value) addAll(item, into);
  else if (isReflectMap(value)) addEntries(value.entries(), into);
  else if (isReflectMessage(value)) {
    for (const field of value.fields) if (value.isSet(field)) addAll(value.get(field), into);
  }
}

function addBytes(bytes: Buffer, into: Set<string>): void {
  for (const encoding of ['base64', 'base64url', 'hex', 'utf8'] as const) into.add(bytes.toString(encoding));
}

function addEntries(entries: Iterable<[unknown, unknown]>, into: Set<string>): void {
  for (const [key, value] of entries) {
    addAll(key, into);
    addAll(value, into);
  }
}

function hide(registry: FileRegistry, finder: Finder, schema: DescMessage, json: JsonValue): JsonValue {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  if (schema.typeName === ANY) return hideAny(registry, finder, json);
  const result: Record<string, JsonValue> = { ...json };
  for (const field of schema.fields) {
    const value = json[field.jsonName];
    if (value === undefined) continue;
    const sensitivity = finder.sensitivityOf(field);
    if (sensitivity !== undefined) result[field.jsonName] = `[${sensitivity}]`;
    else if (field.message !== undefined) result[field.jsonName] = hideIn(registry, finder, field, value);
  }
  return result;
}

function hideIn(registry: FileRegistry, finder: Finder, field: DescField, json: JsonValue): JsonValue {
  const { message } = field;
  if (message === undefined) return json;
  if (Array.isArray(json)) return json.map((item) => hide(registry, finder, message, item));
  if (field.fieldKind !== 'map' || typeof json !== 'object' || json === null) {
    return hide(registry, finder, message, json);
  }
  const entries = Object.entries(json).map(([key, value]) => [key, hide(registry, finder, message, value)] as const);
  return Object.fromEntries(entries);
}

/** What is packed may have sensitive fields of its own. */
function hideAny(registry: FileRegistry, finder: Finder, json: Readonly<Record<string, JsonValue>>): JsonValue {
  const url = json['@type'];
  const packed = typeof url === 'string' ? registry.getMessage(url.slice(url.lastIndexOf('/') + 1)) : undefined;
  return packed === undefined || packed.typeName === ANY ? { ...json } : hide(registry, finder, packed, json);
}
