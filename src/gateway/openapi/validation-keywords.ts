import { ScalarType, type DescField, type JsonObject, type JsonValue, type Registry } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence as FieldPresence } from '@bufbuild/protobuf/wkt';
import { asObject, asText, behaviorOf, fieldRules } from './contract-options.js';

/** The rules of a field in the words of JSON Schema. */
export interface FieldKeywords {
  /** Hold for the value of the field: for the list or the map as a whole, where it is one. */
  readonly own: JsonObject;
  /** Hold for each item of a list, or each value of a map. */
  readonly items: JsonObject;
  /** Hold for each key of a map. */
  readonly keys: JsonObject;
  /** True where a request that leaves the field out is refused, whatever the request is. */
  readonly isEnforced: boolean;
  /** True where a request says nothing useful without the field; the resource in a change by parts may leave it out. */
  readonly isRequired: boolean;
  /** What JSON Schema has no word for, in sentences. */
  readonly notes: readonly string[];
}

/** Says the buf.validate rules of a field in the words of JSON Schema, as far as it has them. */
export function validationKeywords(registry: Registry, field: DescField): FieldKeywords {
  const rules = fieldRules(registry, field);
  const own = valueKeywords(field, rules);
  const { items, values, keys } = { ...asObject(rules['repeated']), ...asObject(rules['map']) };
  const isEnforced = rules['required'] === true || refusesZero(field, rules, own);
  return {
    own: { ...own, ...sizeKeywords(rules) },
    items: valueKeywords(field, asObject(items ?? values)),
    keys: valueKeywords(field, asObject(keys)),
    isEnforced,
    isRequired: isEnforced || behaviorOf(registry, field).isRequired,
    notes: notesOf(rules),
  };
}

function valueKeywords(field: DescField, rules: JsonObject): JsonObject {
  if (rules['string'] !== undefined) return stringKeywords(asObject(rules['string']));
  if (rules['enum'] !== undefined) return enumKeywords(field, asObject(rules['enum']));
  if (rules['duration'] !== undefined) return range(asObject(rules['duration']), secondsOf);
  const numeric = NUMERIC.find((name) => rules[name] !== undefined);
  if (numeric !== undefined) return numberKeywords(asObject(rules[numeric]), { isText: numeric.endsWith('64') });
  const { const: only } = asObject(rules['bool']);
  return only === undefined ? {} : { const: only };
}

const NUMERIC = [
  ...['int32', 'sint32', 'uint32', 'fixed32', 'sfixed32', 'float', 'double'],
  ...['int64', 'sint64', 'uint64', 'fixed64', 'sfixed64'],
];

const STRING_FORMATS: Readonly<Record<string, string>> = {
  email: 'email',
  hostname: 'hostname',
  ipv4: 'ipv4',
  ipv6: 'ipv6',
  uri: 'uri',
  uri_ref: 'uri-reference',
  uuid: 'uuid',
};

function stringKeywords(rules: JsonObject): JsonObject {
  const format = Object.keys(STRING_FORMATS).find((name) => rules[name] === true);
  const patterns = [
    rules['pattern'],
    ...affix(rules['prefix'], (text) => `^${text}`),
    ...affix(rules['suffix'], (text) => `${text}$`),
    ...affix(rules['contains'], (text) => text),
  ].filter((pattern) => typeof pattern === 'string');
  return {
    ...rename(rules, { min_len: 'minLength', max_len: 'maxLength' }),
    ...(rules['len'] === undefined ? {} : { minLength: Number(rules['len']), maxLength: Number(rules['len']) }),
    ...(format === undefined ? {} : { format: STRING_FORMATS[format] ?? '' }),
    ...(patterns[0] === undefined ? {} : { pattern: patterns[0] }),
    ...(patterns.length > 1 ? { allOf: patterns.slice(1).map((pattern) => ({ pattern })) } : {}),
    ...choices(rules),
  };
}

function affix(text: JsonValue | undefined, place: (escaped: string) => string): string[] {
  return typeof text === 'string' ? [place(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))] : [];
}

function enumKeywords({ enum: enumType }: DescField, rules: JsonObject): JsonObject {
  const nameOf = (value: JsonValue) => enumType?.value[Number(value)]?.name ?? value;
  const { in: wanted, not_in: unwanted, const: only } = rules;
  if (only !== undefined) return { const: nameOf(only) };
  if (Array.isArray(wanted)) return { enum: wanted.map(nameOf) };
  return Array.isArray(unwanted) ? { not: { enum: unwanted.map(nameOf) } } : {};
}

const BOUNDS = { gt: 'exclusiveMinimum', gte: 'minimum', lt: 'exclusiveMaximum', lte: 'maximum' };

function numberKeywords(rules: JsonObject, { isText }: { isText: boolean }): JsonObject {
  const low = Number(rules['gt'] ?? rules['gte'] ?? -Infinity);
  const high = Number(rules['lt'] ?? rules['lte'] ?? Infinity);
  // Bounds the wrong way round mean "outside of", which these words do not say.
  if (isText) return { ...range(rules, asText), ...choices(rules) };
  return { ...(high < low ? {} : rename(rules, BOUNDS)), ...choices(rules) };
}

/**
 * Bounds of what is a string in JSON (integers of 64 bits, durations), which JSON Schema has no words for: `x-range` has
 * them in its words, durations in seconds.
 */
function range(rules: JsonObject, valueOf: (bound: JsonValue) => JsonValue): JsonObject {
  const stated = Object.entries(BOUNDS).filter(([from]) => rules[from] !== undefined);
  if (stated.length === 0) return {};
  return { 'x-range': Object.fromEntries(stated.map(([from, to]) => [to, valueOf(rules[from] ?? null)])) };
}

function secondsOf(duration: JsonValue): number {
  return Number.parseFloat(asText(duration));
}

function choices({ in: wanted, not_in: unwanted, const: only }: JsonObject): JsonObject {
  return {
    ...(only === undefined ? {} : { const: only }),
    ...(wanted === undefined ? {} : { enum: wanted }),
    ...(unwanted === undefined ? {} : { not: { enum: unwanted } }),
  };
}

function sizeKeywords(rules: JsonObject): JsonObject {
  const repeated = asObject(rules['repeated']);
  return {
    ...rename(repeated, { min_items: 'minItems', max_items: 'maxItems' }),
    ...(repeated['unique'] === true ? { uniqueItems: true } : {}),
    ...rename(asObject(rules['map']), { min_pairs: 'minProperties', max_pairs: 'maxProperties' }),
  };
}

/** Counts of 64 bits are strings in the JSON of the rules. */
function rename(rules: JsonObject, names: Readonly<Record<string, string>>): JsonObject {
  const named = Object.entries(names).filter(([from]) => rules[from] !== undefined);
  return Object.fromEntries(named.map(([from, to]) => [to, Number(rules[from])]));
}

/** A field without presence that is left out has its zero value, which its rules may refuse. */
function refusesZero(field: DescField, rules: JsonObject, own: JsonObject): boolean {
  const isChecked = rules['ignore'] === undefined || rules['ignore'] === 'IGNORE_UNSPECIFIED';
  if (field.fieldKind !== 'scalar' || field.presence !== FieldPresence.IMPLICIT || !isChecked) return false;
  if (field.scalar === ScalarType.STRING) return refusesEmpty(own);
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = own;
  return (
    Number(minimum ?? 0) > 0 ||
    Number(exclusiveMinimum ?? -1) >= 0 ||
    Number(maximum ?? 0) < 0 ||
    Number(exclusiveMaximum ?? 1) <= 0
  );
}

function refusesEmpty({ minLength, pattern, format, const: only, enum: wanted, not }: JsonObject): boolean {
  const excluded = asObject(not)['enum'];
  return (
    Number(minLength ?? 0) > 0 ||
    (typeof pattern === 'string' && !admits(pattern, '')) ||
    format !== undefined ||
    (only !== undefined && only !== '') ||
    (Array.isArray(wanted) && !wanted.includes('')) ||
    (Array.isArray(excluded) && excluded.includes(''))
  );
}

/** The patterns are RE2's, of which nearly all mean the same in JavaScript. */
function admits(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true;
  }
}

function notesOf(rules: JsonObject): string[] {
  const { cel } = rules;
  const messages = Array.isArray(cel) ? cel.map((rule) => asObject(rule)['message']) : [];
  return messages.flatMap((message) => (asText(message) === '' ? [] : [`Rule: ${asText(message)}.`]));
}
