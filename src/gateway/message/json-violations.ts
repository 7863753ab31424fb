import {
  enumFromJson,
  fromJson,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonValue,
  type Registry,
} from '@bufbuild/protobuf';
import * as wkt from '@bufbuild/protobuf/wkt';
import { readSensitivity } from '../../rpc/contract-options.js';
import type { FieldViolation } from '../../rpc/errors.js';
import { expectEnum, expectMessage, expectScalar } from './expectation.js';
import { findField, isLeafMessage, isOpaqueMessage } from './field-kinds.js';
import { ofEntry, ofField, ofItem, ofKey } from './violation-path.js';

/** More would not help, and a hostile body could ask for millions. */
const VIOLATIONS_MAX = 20;
/** Looking for what is wrong may take no longer than reading what is right. */
const VALUES_JUDGED_MAX = 100_000;
const INT32_MAX = 2 ** 31 - 1;

interface Report {
  readonly registry: Registry;
  readonly ignoreUnknownFields: boolean;
  /** Looks for integers that parsing has changed, and for nothing else. */
  readonly onlyRounded: boolean;
  readonly violations: FieldViolation[];
  valuesLeft: number;
}

export interface ViolationOptions {
  readonly ignoreUnknownFields?: boolean;
}

/**
 * Names what in a JSON value does not fit a message, by the path of each field. Made for values that protobuf-es has
 * refused, whose own error has no path and the library's words; the judgement on each single value is still its own.
 * Gives the first {@link VIOLATIONS_MAX}, and none where the mistake lies beyond the first {@link VALUES_JUDGED_MAX} values.
 */
export function findJsonViolations(
  registry: Registry,
  message: DescMessage,
  json: unknown,
  { ignoreUnknownFields = false }: ViolationOptions = {},
): FieldViolation[] {
  const valuesLeft = VALUES_JUDGED_MAX;
  const report: Report = { registry, ignoreUnknownFields, onlyRounded: false, violations: [], valuesLeft };
  checkMessage(report, message, json, '');
  return report.violations;
}

/** Names the 64-bit integers that came as JSON numbers which a double cannot hold, and so are others now. */
export function findRoundedIntegers(registry: Registry, message: DescMessage, json: unknown): FieldViolation[] {
  const report: Report = {
    registry,
    ignoreUnknownFields: true,
    onlyRounded: true,
    violations: [],
    valuesLeft: Infinity,
  };
  checkMessage(report, message, json, '');
  return report.violations;
}

function add({ violations, onlyRounded }: Report, field: string, description: string): void {
  if (!onlyRounded || description === ROUNDED) violations.push({ field, description });
}

function isDone({ violations, valuesLeft }: Report): boolean {
  return violations.length >= VIOLATIONS_MAX || valuesLeft <= 0;
}

function checkMessage(report: Report, message: DescMessage, json: unknown, path: string): void {
  const fitsFreeForm = FREE_FORMS.get(message.typeName);
  if (fitsFreeForm !== undefined) {
    if (!fitsFreeForm(json)) add(report, path, expectMessage(message));
  } else if (isLeafMessage(message) || isOpaqueMessage(message)) {
    checkWellKnown(report, message, json, path);
  } else if (!isObject(json)) {
    add(report, path, expectMessage(message));
  } else {
    checkFields(report, message, json, path);
  }
}

/** The messages that take any JSON inside, so that only their own type can be wrong. */
const FREE_FORMS = new Map<string, (json: unknown) => boolean>([
  ['google.protobuf.Struct', isObject],
  ['google.protobuf.ListValue', Array.isArray],
  ['google.protobuf.Value', () => true],
]);

function checkWellKnown(report: Report, message: DescMessage, json: unknown, path: string): void {
  const wrapped = message.fields[0];
  const wrapsScalar = wrapped?.fieldKind === 'scalar' && isLeafMessage(message);
  if (wrapsScalar && isRounded(wrapped.scalar, json)) return add(report, path, ROUNDED);
  const { registry, onlyRounded } = report;
  if (!onlyRounded && !passes(() => fromJson(message, json as JsonValue, { registry })))
    add(report, path, expectMessage(message));
}

function checkFields(report: Report, message: DescMessage, json: Record<string, unknown>, path: string): void {
  const seen = new Map<DescField, string>();
  for (const key of Object.keys(json)) {
    if (isDone(report)) return;
    const value = json[key];
    const field = findField(message, key);
    if (field === undefined) {
      if (!report.ignoreUnknownFields) add(report, ofKey(path, key), `is not a field of ${message.typeName}`);
      continue;
    }
    const inner = ofField(path, field.name);
    const other = seen.get(field);
    if (other !== undefined) add(report, inner, `is given twice, as "${other}" and as "${key}"`);
    const rival = value === null ? undefined : [...seen.keys()].find((known) => shareOneof(known, field));
    if (rival !== undefined) add(report, inner, `cannot be given together with "${rival.name}"`);
    if (value !== null || other !== undefined) seen.set(field, key);
    if (value !== null) checkField(report, field, value, inner);
  }
}

function shareOneof(one: DescField, other: DescField): boolean {
  return one !== other && one.oneof !== undefined && one.oneof === other.oneof;
}

function checkField(report: Report, field: DescField, json: unknown, path: string): void {
  if (readSensitivity(report.registry, field) === undefined) return checkVisibleField(report, field, json, path);
  // What is wrong inside is not said: its path may have the key of a map, which is a value.
  const inside: Report = { ...report, violations: [] };
  checkVisibleField(inside, field, json, path);
  report.valuesLeft = inside.valuesLeft;
  const [first] = inside.violations;
  if (first !== undefined) report.violations.push(first.field === path ? first : { field: path, description: HIDDEN });
}

const HIDDEN = 'does not meet the contract';

function checkVisibleField(report: Report, field: DescField, json: unknown, path: string): void {
  if (field.fieldKind === 'list') checkList(report, field, json, path);
  else if (field.fieldKind === 'map') checkMap(report, field, json, path);
  else checkSingle(report, field, json, path);
}

function checkList(report: Report, field: DescField, json: unknown, path: string): void {
  if (!Array.isArray(json)) return add(report, path, 'must be a JSON array');
  for (const [index, item] of json.entries()) {
    if (isDone(report)) return;
    checkSingle(report, field, item, ofItem(path, index));
  }
}

function checkMap(report: Report, field: DescField & { fieldKind: 'map' }, json: unknown, path: string): void {
  if (!isObject(json)) return add(report, path, 'must be a JSON object');
  for (const key of Object.keys(json)) {
    if (isDone(report)) return;
    const inner = ofEntry(path, key);
    // Keys are strings in JSON; only those of a boolean map are words.
    const isKey = field.mapKey === ScalarType.BOOL ? /^(true|false)$/.test(key) : isScalar(field.mapKey, key);
    if (!isKey) add(report, inner, `has a key that ${expectScalar(field.mapKey)}`);
    checkSingle(report, field, json[key], inner);
  }
}

/** Checks the value of a field, an item of a list or a value of a map: one message, enum or scalar. */
function checkSingle(report: Report, field: DescField, json: unknown, path: string): void {
  report.valuesLeft -= 1;
  if (json === null && !takesNull(field)) return add(report, path, 'must not be null');
  if (field.message !== undefined) return checkMessage(report, field.message, json, path);
  if (field.scalar !== undefined && isRounded(field.scalar, json)) return add(report, path, ROUNDED);
  if (report.onlyRounded) return;
  if (field.enum !== undefined) {
    if (!isEnumValue(field.enum, json)) add(report, path, expectEnum(field.enum));
  } else if (field.scalar !== undefined) {
    if (!isScalar(field.scalar, json)) add(report, path, expectScalar(field.scalar));
  }
}

function takesNull({ message, enum: enumType }: DescField): boolean {
  return message?.typeName === 'google.protobuf.Value' || enumType?.typeName === 'google.protobuf.NullValue';
}

const ROUNDED = 'must be given as a string: a JSON number of this size loses digits';

/** Tells whether an integer of 64 bits came as a JSON number that a double cannot hold, and so is another one now. */
function isRounded(type: ScalarType, json: unknown): boolean {
  return LONG_TYPES.has(type) && typeof json === 'number' && Number.isInteger(json) && !Number.isSafeInteger(json);
}

function isEnumValue(enumType: DescEnum, json: unknown): boolean {
  if (typeof json === 'number' && (json > INT32_MAX || json < -INT32_MAX - 1)) return false;
  if (typeof json === 'number' && !enumType.open && enumType.value[json] === undefined) return false;
  return passes(() => enumFromJson(enumType, json as string));
}

/** Asks protobuf-es: a wrapper is judged as a field of its type is. */
function isScalar(type: ScalarType, json: unknown): boolean {
  return json !== null && passes(() => fromJson<DescMessage>(WRAPPERS[type], json as JsonValue));
}

function passes(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

const LONG_TYPES = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

const WRAPPERS: Record<ScalarType, DescMessage> = {
  [ScalarType.DOUBLE]: wkt.DoubleValueSchema,
  [ScalarType.FLOAT]: wkt.FloatValueSchema,
  [ScalarType.INT64]: wkt.Int64ValueSchema,
  [ScalarType.UINT64]: wkt.UInt64ValueSchema,
  [ScalarType.INT32]: wkt.Int32ValueSchema,
  [ScalarType.FIXED64]: wkt.UInt64ValueSchema,
  [ScalarType.FIXED32]: wkt.UInt32ValueSchema,
  [ScalarType.BOOL]: wkt.BoolValueSchema,
  [ScalarType.STRING]: wkt.StringValueSchema,
  [ScalarType.BYTES]: wkt.BytesValueSchema,
  [ScalarType.UINT32]: wkt.UInt32ValueSchema,
  [ScalarType.SFIXED32]: wkt.Int32ValueSchema,
  [ScalarType.SFIXED64]: wkt.Int64ValueSchema,
  [ScalarType.SINT32]: wkt.Int32ValueSchema,
  [ScalarType.SINT64]: wkt.Int64ValueSchema,
};
