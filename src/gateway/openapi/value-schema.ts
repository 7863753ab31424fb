import { ScalarType, type DescEnum, type DescMessage, type JsonObject } from '@bufbuild/protobuf';
import { commentOf } from './comments.js';
import { asText } from './contract-options.js';

/**
 * Gives the schema of a scalar in canonical proto3 JSON: integers of 64 bits are strings, bytes are base64, and a
 * floating-point number may be one of three words.
 */
export function scalarSchema(type: ScalarType): JsonObject {
  return { ...SCALARS[type] };
}

const INT32 = { type: 'integer', format: 'int32', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
const UINT32 = { type: 'integer', format: 'uint32', minimum: 0, maximum: 2 ** 32 - 1 };
const INT64 = { type: 'string', format: 'int64', pattern: '^-?[0-9]{1,19}$' };
const UINT64 = { type: 'string', format: 'uint64', pattern: '^[0-9]{1,20}$' };
const WORDS = '^(?:NaN|-?Infinity)$';

const SCALARS: Record<ScalarType, JsonObject> = {
  [ScalarType.DOUBLE]: { type: ['number', 'string'], format: 'double', pattern: WORDS },
  [ScalarType.FLOAT]: { type: ['number', 'string'], format: 'float', pattern: WORDS },
  [ScalarType.INT64]: INT64,
  [ScalarType.UINT64]: UINT64,
  [ScalarType.INT32]: INT32,
  [ScalarType.FIXED64]: UINT64,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', contentEncoding: 'base64' },
  [ScalarType.UINT32]: UINT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SINT64]: INT64,
};

/** Gives the schema of a map's keys, which are strings in JSON. Undefined where any string is one. */
export function mapKeySchema(type: ScalarType): JsonObject | undefined {
  if (type === ScalarType.STRING) return undefined;
  if (type === ScalarType.BOOL) return { enum: ['true', 'false'] };
  const { format } = scalarSchema(type);
  return { format: format ?? '', pattern: asText(format).startsWith('u') ? '^[0-9]{1,20}$' : '^-?[0-9]{1,19}$' };
}

/** Gives the schema of a message type that has a JSON form of its own. Undefined for any other. */
export function wellKnownSchema({ typeName, fields }: DescMessage): JsonObject | undefined {
  const [first, ...others] = fields;
  const isWrapper = typeName.startsWith('google.protobuf.') && typeName.endsWith('Value') && others.length === 0;
  if (isWrapper && first?.fieldKind === 'scalar') return scalarSchema(first.scalar);
  const schema = WELL_KNOWN[typeName];
  return schema && { ...schema };
}

const WELL_KNOWN: Readonly<Record<string, JsonObject>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': {
    type: 'string',
    format: 'google-duration',
    pattern: '^-?[0-9]{1,12}(?:\\.[0-9]{1,9})?s$',
    examples: ['1.5s'],
  },
  'google.protobuf.FieldMask': {
    type: 'string',
    format: 'google-fieldmask',
    examples: ['displayName,address.city'],
  },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Value': {},
  'google.protobuf.ListValue': { type: 'array', items: {} },
  'google.protobuf.Empty': { type: 'object', maxProperties: 0 },
  'google.protobuf.Any': {
    type: 'object',
    properties: { '@type': { type: 'string', description: 'Names the type: `type.googleapis.com/package.Message`.' } },
    required: ['@type'],
    additionalProperties: true,
    examples: [{ '@type': 'type.googleapis.com/google.protobuf.Duration', value: '1.5s' }],
  },
  'google.api.HttpBody': {
    type: 'object',
    properties: {
      contentType: { type: 'string' },
      data: { type: 'string', contentEncoding: 'base64' },
      extensions: { type: 'array', items: { type: 'object', additionalProperties: true } },
    },
  },
};

/** Gives the schema of an enum: its names. */
export function enumSchema(type: DescEnum): JsonObject {
  if (type.typeName === 'google.protobuf.NullValue') return { type: 'null' };
  const lines = type.values.map((value) => {
    const comment = commentOf(value).replaceAll('\n', ' ');
    return comment === '' ? `- \`${value.name}\`` : `- \`${value.name}\`: ${comment}`;
  });
  const description = [commentOf(type), lines.join('\n')].filter((text) => text !== '').join('\n\n');
  return {
    type: 'string',
    enum: type.values.map(({ name }) => name),
    description,
    ...(type.deprecated ? { deprecated: true } : {}),
  };
}
