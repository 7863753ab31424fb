import { fromBinary, type DescMessage, type FileRegistry, type Message } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { invalidRequest, ServiceError } from './errors.js';

/**
 * Decodes a request and holds it to the rules that its contract states with buf.validate.
 * Throws MALFORMED_MESSAGE for bytes that are no such message, and INVALID_REQUEST with every violation.
 */
export type DecodeValid = (schema: DescMessage, bytes: Uint8Array) => Message;

export function createDecodeValid(registry: FileRegistry): DecodeValid {
  const validator = createValidator({ registry });
  return (schema, bytes) => {
    const message = decode(schema, bytes);
    const result = validator.validate(schema, message);
    if (result.kind === 'valid') return message;
    // A rule that cannot be evaluated is a fault of the contract, not of the caller.
    if (result.kind === 'error') throw result.error;
    throw invalidRequest(
      result.violations.map(({ field, message: description }) => ({ field: pathToString(field), description })),
    );
  };
}

/** The error for bytes that are no message of the expected type. */
export function malformedMessage(typeName: string, cause: unknown): ServiceError {
  return new ServiceError('MALFORMED_MESSAGE', `Cannot decode the request as ${typeName}`, {}, { cause });
}

function decode(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(schema, bytes);
  } catch (err) {
    throw malformedMessage(schema.typeName, err);
  }
}
