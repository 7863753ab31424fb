import { ScalarType, type DescField, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { findField } from './field-kinds.js';

/**
 * The name of the string field by which a stream goes on where it broke off: a response says where it stands, and a
 * request asks for what comes after. Server-sent events carry it as their id.
 */
const RESUME_FIELD = 'resume_token';

/** Gives the field of a message that holds its place in a stream. Undefined where it has none. */
export function resumeField(message: DescMessage): DescField | undefined {
  const field = findField(message, RESUME_FIELD);
  return field?.fieldKind === 'scalar' && field.scalar === ScalarType.STRING ? field : undefined;
}

/** Reads the place of a response in its stream. Undefined where it names none that can stand in one line. */
export function resumeTokenOf(message: DescMessage, json: JsonValue): string | undefined {
  const field = resumeField(message);
  if (field === undefined || typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const token = json[field.jsonName];
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
}
