import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import type { FieldType, Schema, SchemaField } from './filter/schema.js';

/** What the ledger knows of every document; a message that has such a field need not store it. */
const KNOWN_FIELDS: ReadonlyMap<string, SchemaField> = new Map<string, SchemaField>([
  ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
  ['create_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'createTime' } }],
  ['update_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'updateTime' } }],
  ['revision', { type: { kind: 'number' }, field: { kind: 'revision' } }],
]);

/** The etag is made from the revision, which filters can name instead. */
const ETAG = 'etag';

/** Whether a field of a resource is set by the ledger and not stored. */
export function isKnownField(name: string): boolean {
  return name === ETAG || KNOWN_FIELDS.has(name);
}

/** The fields that filters, orders and masks may name, from a message. */
export function schemaOfMessage(message: DescMessage): Schema {
  const seen = new Map<string, FieldType>();
  const fields = message.fields.filter(({ name }) => name !== ETAG);
  return new Map(fields.map((field) => [field.name, KNOWN_FIELDS.get(field.name) ?? storedField(field, seen)]));
}

/** The type that all fields of a message together are. */
export function typeOfMessage(message: DescMessage, seen = new Map<string, FieldType>()): FieldType {
  const known = seen.get(message.typeName) ?? wellKnownType(message);
  if (known) return known;
  const fields = new Map<string, FieldType>();
  const rivals = new Map(message.fields.map((field) => [field.name, rivalsOf(field)]));
  const type: FieldType = { kind: 'message', fields, rivals };
  // A message may hold itself.
  seen.set(message.typeName, type);
  for (const field of message.fields) fields.set(field.name, typeOfField(field, seen));
  return type;
}

function storedField(field: DescField, seen: Map<string, FieldType>): SchemaField {
  const rivals = rivalsOf(field);
  const type = typeOfField(field, seen);
  return { type, field: { kind: 'value', keys: [field.name] }, ...(rivals.length > 0 && { rivals }) };
}

function rivalsOf(field: DescField): string[] {
  const others = field.oneof?.fields.filter(({ name }) => name !== field.name) ?? [];
  return others.map(({ name }) => name);
}

function typeOfField(field: DescField, seen: Map<string, FieldType>): FieldType {
  switch (field.fieldKind) {
    case 'scalar':
      return typeOfScalar(field.scalar);
    case 'enum':
      return { kind: 'enum', values: field.enum.values.map(({ name }) => name) };
    case 'message':
      return typeOfMessage(field.message, seen);
    case 'list':
      return { kind: 'list', element: typeOfItem(field, field.listKind, seen) };
    case 'map':
      return { kind: 'map', value: typeOfItem(field, field.mapKind, seen) };
  }
}

type Repeated = Extract<DescField, { fieldKind: 'list' | 'map' }>;

function typeOfItem(field: Repeated, kind: 'scalar' | 'enum' | 'message', seen: Map<string, FieldType>): FieldType {
  if (kind === 'enum' && field.enum) return { kind: 'enum', values: field.enum.values.map(({ name }) => name) };
  if (kind === 'message' && field.message) return typeOfMessage(field.message, seen);
  return typeOfScalar(field.scalar ?? ScalarType.STRING);
}

function typeOfScalar(scalar: ScalarType): FieldType {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return { kind: 'string' };
    case ScalarType.BOOL:
      return { kind: 'boolean' };
    default:
      return { kind: 'number' };
  }
}

const WELL_KNOWN: Readonly<Record<string, FieldType>> = {
  'google.protobuf.Timestamp': { kind: 'timestamp', stored: 'text' },
  'google.protobuf.Duration': { kind: 'duration' },
  'google.protobuf.Struct': { kind: 'json' },
  'google.protobuf.Value': { kind: 'json' },
  'google.protobuf.ListValue': { kind: 'list', element: { kind: 'json' } },
  // Under `@type` and the names of its message in JSON.
  'google.protobuf.Any': { kind: 'json' },
  'google.protobuf.FieldMask': { kind: 'string' },
};

// A wrapper is stored as what it wraps.
const WRAPPER = /^google\.protobuf\.(?:Bool|Bytes|Double|Float|U?Int32|U?Int64|String)Value$/;

function wellKnownType({ typeName, fields }: DescMessage): FieldType | undefined {
  const [value] = fields;
  if (WRAPPER.test(typeName) && value?.fieldKind === 'scalar') return typeOfScalar(value.scalar);
  return Object.hasOwn(WELL_KNOWN, typeName) ? WELL_KNOWN[typeName] : undefined;
}
