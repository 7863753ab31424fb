import type { DescField, DescMessage } from '@bufbuild/protobuf';

/** The message types that are one value in JSON, and so can stand in a path or a query. */
const LEAF_MESSAGES = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.FieldMask',
  'google.protobuf.DoubleValue',
  'google.protobuf.FloatValue',
  'google.protobuf.Int64Value',
  'google.protobuf.UInt64Value',
  'google.protobuf.Int32Value',
  'google.protobuf.UInt32Value',
  'google.protobuf.BoolValue',
  'google.protobuf.StringValue',
  'google.protobuf.BytesValue',
]);

/** The message types whose content follows no descriptor: what they hold is data, not fields. */
const OPAQUE_MESSAGES = new Set([
  'google.protobuf.Any',
  'google.protobuf.Struct',
  'google.protobuf.Value',
  'google.protobuf.ListValue',
]);

/** Tells whether a message is a single value in JSON: a time, a duration, a mask or a wrapper. */
export function isLeafMessage({ typeName }: DescMessage): boolean {
  return LEAF_MESSAGES.has(typeName);
}

/** Tells whether a message is a JSON value of any shape. */
export function isOpaqueMessage({ typeName }: DescMessage): boolean {
  return OPAQUE_MESSAGES.has(typeName);
}

/** Finds a field by the name it has in the contract or in JSON. */
export function findField(message: DescMessage, name: string): DescField | undefined {
  return fieldsByName(message).get(name);
}

const INDEXES = new WeakMap<DescMessage, Map<string, DescField>>();

function fieldsByName(message: DescMessage): Map<string, DescField> {
  const known = INDEXES.get(message);
  if (known !== undefined) return known;
  const index = new Map<string, DescField>();
  for (const field of message.fields) index.set(field.name, field).set(field.jsonName, field);
  INDEXES.set(message, index);
  return index;
}
