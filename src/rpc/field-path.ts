import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';

/** Reads one string field of a decoded message. Gives an empty string where a message on the way is not set. */
export type StringFieldReader = (message: Message) => string;

/** Compiles the path of a string field (`document.name`). Undefined when the message has no such field. */
export function compileStringField(schema: DescMessage, path: string): StringFieldReader | undefined {
  const fields = resolveFields(schema, path.split('.'));
  const last = fields?.at(-1);
  if (fields === undefined || last === undefined || !isString(last)) return undefined;
  // A field of the message itself is a property of the decoded message, unless it shares a oneof.
  if (fields.length === 1 && last.oneof === undefined) {
    return (message) => {
      const value = (message as Message & Readonly<Record<string, unknown>>)[last.localName];
      return typeof value === 'string' ? value : '';
    };
  }
  return (message) => readString(reflect(schema, message), fields);
}

/** Gives the fields that a path leads through, the last of which may be repeated. Undefined where there are none. */
export function resolveFields(schema: DescMessage, names: readonly string[]): DescField[] | undefined {
  const fields: DescField[] = [];
  let current: DescMessage | undefined = schema;
  for (const name of names) {
    const field: DescField | undefined = current?.fields.find((candidate) => candidate.name === name);
    if (field === undefined) return undefined;
    fields.push(field);
    current = field.fieldKind === 'message' ? field.message : undefined;
  }
  return fields;
}

function isString(field: DescField): boolean {
  const SCALAR_TYPE_STRING = 9;
  return field.fieldKind === 'scalar' && (field.scalar as number) === SCALAR_TYPE_STRING;
}

function readString(message: ReflectMessage, fields: readonly DescField[]): string {
  let current: ReflectMessage = message;
  for (const field of fields) {
    if (field.fieldKind === 'message') {
      if (!current.isSet(field)) return '';
      current = current.get(field);
    } else if (field.fieldKind === 'scalar') {
      return String(current.get(field));
    }
  }
  return '';
}
