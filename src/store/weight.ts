import type { JsonValue } from './json-value.js';

// What Node takes for each, measured and rounded up, and what its Protobuf encoding adds to that.
const NUMBER_BYTES = 16 + 11;
const SMALL_BYTES = 8 + 4;
const STRING_BYTES = 32 + 6;
const ARRAY_BYTES = 48 + 6;
const OBJECT_BYTES = 112 + 6;
const KEY_BYTES = 48 + 6;

/** About what a value takes in memory, once as objects and once encoded. Rather too much than too little. */
export function weightOf(value: JsonValue): number {
  switch (typeof value) {
    case 'number':
      return NUMBER_BYTES;
    case 'string':
      return STRING_BYTES + weightOfText(value);
    case 'boolean':
      return SMALL_BYTES;
    default:
      return value === null ? SMALL_BYTES : weightOfParts(value);
  }
}

function weightOfParts(value: Exclude<JsonValue, null | boolean | number | string>): number {
  if (Array.isArray(value)) {
    return (value as readonly JsonValue[]).reduce<number>((sum, item) => sum + weightOf(item), ARRAY_BYTES);
  }
  let sum = OBJECT_BYTES;
  for (const [key, child] of Object.entries(value)) sum += KEY_BYTES + weightOfText(key) + weightOf(child);
  return sum;
}

/** Node keeps a text in one byte a character where it can, and in two otherwise. */
function weightOfText(text: string): number {
  const encoded = Buffer.byteLength(text);
  return encoded + (encoded === text.length ? text.length : 2 * text.length);
}
