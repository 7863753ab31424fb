import { ScalarType, type DescEnum, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { expectMessage, expectScalar } from './expectation.js';

/** The type of a value that stands in a path or a query as text. */
export interface LeafType {
  readonly scalar?: ScalarType | undefined;
  readonly enum?: DescEnum | undefined;
  readonly message?: DescMessage | undefined;
}

/** A text as the JSON value that means the same, or why there is none. */
export type Leaf = { readonly json: JsonValue } | { readonly mistake: string };

/**
 * Turns a text of a path or a query into the JSON value that protobuf-es reads the field from, so that path, query and
 * body have one codec. Stricter than JSON in one thing: a number is written in digits, with no space and no `0x`.
 */
export function toLeaf({ scalar, enum: enumType, message }: LeafType, text: string): Leaf {
  if (scalar !== undefined) return toScalar(scalar, text);
  if (enumType !== undefined) return { json: INTEGER.test(text) ? Number(text) : text };
  const wrapped = message?.fields[0];
  const isWrapper = wrapped?.fieldKind === 'scalar' && message?.fields.length === 1;
  if (isWrapper) return toScalar(wrapped.scalar, text);
  // JSON gives a duration without its seconds a meaning that nobody writes on purpose.
  if (message?.typeName === 'google.protobuf.Duration' && !DURATION.test(text)) {
    return { mistake: expectMessage(message) };
  }
  return { json: text };
}

function toScalar(type: ScalarType, text: string): Leaf {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return { json: text };
    case ScalarType.BOOL:
      return text === 'true' || text === 'false' ? { json: text === 'true' } : { mistake: expectScalar(type) };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return NUMBER.test(text) ? { json: text } : { mistake: expectScalar(type) };
    default:
      return INTEGER.test(text) ? { json: text } : { mistake: expectScalar(type) };
  }
}

const INTEGER = /^-?[0-9]+$/;
const NUMBER = /^(?:-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|-?Infinity)$/;
const DURATION = /^-?[0-9]+(?:\.[0-9]{1,9})?s$/;
