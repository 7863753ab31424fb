import type { Field } from '../../store/query/condition.js';

/** What a field of a resource holds, as far as a filter and an order have to know. */
export type FieldType =
  /** Any JSON value: of a Struct or a Value. */
  | { readonly kind: 'json' }
  | { readonly kind: 'string' | 'number' | 'boolean' }
  /** Stored as RFC 3339 text in UTC with nine digits behind the second, which sorts; or as milliseconds since 1970. */
  | { readonly kind: 'timestamp'; readonly stored: 'text' | 'milliseconds' }
  /** Stored as a number of seconds. */
  | { readonly kind: 'duration' }
  /** Stored by name. */
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | {
      readonly kind: 'message';
      readonly fields: ReadonlyMap<string, FieldType>;
      /** For each field of a oneof, the others, of which none is set when it is. */
      readonly rivals?: ReadonlyMap<string, readonly string[]>;
    }
  | { readonly kind: 'list'; readonly element: FieldType }
  | { readonly kind: 'map'; readonly value: FieldType };

/** A field of the resource itself, and where it is stored. */
export interface SchemaField {
  readonly type: FieldType;
  readonly field: Field;
  /** The others of its oneof. */
  readonly rivals?: readonly string[];
}

/** The fields of a resource that a filter and an order may name. */
export type Schema = ReadonlyMap<string, SchemaField>;

/** A field whose value is stored under its own name. */
export function valueField(name: string, type: FieldType): readonly [string, SchemaField] {
  return [name, { type, field: { kind: 'value', keys: [name] } }];
}

/** Whether a literal can be less than another of this type. */
export function isOrdered(type: FieldType): boolean {
  return ['json', 'string', 'number', 'timestamp', 'duration'].includes(type.kind);
}

/** The type in words, for messages. */
export function describeType(type: FieldType): string {
  switch (type.kind) {
    case 'json':
      return 'a JSON value';
    case 'enum':
      return `one of ${type.values.join(', ')}`;
    case 'timestamp':
      return 'an RFC 3339 timestamp such as 2024-05-01T12:00:00Z';
    case 'duration':
      return 'a duration in seconds such as 1.5s';
    case 'boolean':
      return 'true or false';
    case 'list':
      return 'a list';
    case 'map':
      return 'a map';
    default:
      return `a ${type.kind}`;
  }
}
