import { ScalarType, type DescEnum, type DescMessage } from '@bufbuild/protobuf';

const NAMES_SHOWN_MAX = 10;

const SCALARS: Record<ScalarType, string> = {
  [ScalarType.DOUBLE]: 'must be a number',
  [ScalarType.FLOAT]: 'must be a number in the range of a 32-bit float',
  [ScalarType.INT64]: 'must be a 64-bit integer',
  [ScalarType.UINT64]: 'must be an unsigned 64-bit integer',
  [ScalarType.INT32]: 'must be a 32-bit integer',
  [ScalarType.FIXED64]: 'must be an unsigned 64-bit integer',
  [ScalarType.FIXED32]: 'must be an unsigned 32-bit integer',
  [ScalarType.BOOL]: 'must be true or false',
  [ScalarType.STRING]: 'must be a string',
  [ScalarType.BYTES]: 'must be base64',
  [ScalarType.UINT32]: 'must be an unsigned 32-bit integer',
  [ScalarType.SFIXED32]: 'must be a 32-bit integer',
  [ScalarType.SFIXED64]: 'must be a 64-bit integer',
  [ScalarType.SINT32]: 'must be a 32-bit integer',
  [ScalarType.SINT64]: 'must be a 64-bit integer',
};

const MESSAGES = new Map([
  ['google.protobuf.Timestamp', 'must be a time as in "2030-01-31T12:00:00Z", from year 1 to 9999'],
  ['google.protobuf.Duration', 'must be a duration in seconds as in "1.5s"'],
  ['google.protobuf.FieldMask', 'must be field paths with commas between, as in "displayName,address.city"'],
  ['google.protobuf.Any', 'must be a JSON object with a known "@type" and the fields of that type'],
  ['google.protobuf.Struct', 'must be a JSON object'],
  ['google.protobuf.ListValue', 'must be a JSON array'],
  ['google.protobuf.Value', 'must be a JSON value'],
]);

/** Says what a scalar must be, to be put after the path of a field. */
export function expectScalar(type: ScalarType): string {
  return SCALARS[type];
}

/** Says what an enum value must be: its names, or its numbers where it is open. */
export function expectEnum({ values, open }: DescEnum): string {
  const names = values.slice(0, NAMES_SHOWN_MAX).map((value) => value.name);
  const more = values.length > NAMES_SHOWN_MAX ? ', ...' : '';
  return `must be ${open ? 'a number or ' : ''}one of ${names.join(', ')}${more}`;
}

/** Says what a message must be in JSON. */
export function expectMessage(message: DescMessage): string {
  const wrapped = message.fields[0];
  const isWrapper = message.typeName.startsWith('google.protobuf.') && message.typeName.endsWith('Value');
  if (isWrapper && wrapped?.fieldKind === 'scalar') return expectScalar(wrapped.scalar);
  return MESSAGES.get(message.typeName) ?? 'must be a JSON object';
}
