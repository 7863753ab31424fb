import { fromBinary, type DescMessage, type FileRegistry, type Message } from '@bufbuild/protobuf';
import { pathToString, type Path } from '@bufbuild/protobuf/reflect';
import { createValidator, type Violation } from '@bufbuild/protovalidate';
import { readSensitivity } from './contract-options.js';
import { invalidRequest, ServiceError, type FieldViolation } from './errors.js';
import { createRegexMatch } from './regex-match.js';
import { createNameDescriber, type DescribeName } from './resource-names.js';

/**
 * Decodes a request and holds it to the rules that its contract states with buf.validate. `onDecoded` gets the message
 * before it is judged. Throws MALFORMED_MESSAGE for bytes that are no such message, and INVALID_REQUEST with every violation.
 */
export type DecodeValid = (schema: DescMessage, bytes: Uint8Array, onDecoded?: (message: Message) => void) => Message;

export function createDecodeValid(registry: FileRegistry): DecodeValid {
  const validator = createValidator({ registry, regexMatch: createRegexMatch() });
  const describeName = createNameDescriber(registry);
  return (schema, bytes, onDecoded) => {
    const message = decode(schema, bytes);
    onDecoded?.(message);
    const result = validator.validate(schema, message);
    if (result.kind === 'valid') return message;
    // A rule that cannot be evaluated is a fault of the contract, not of the caller.
    if (result.kind === 'error') throw result.error;
    throw invalidRequest(result.violations.map((violation) => describe(registry, describeName, violation)));
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

function describe(registry: FileRegistry, describeName: DescribeName, violation: Violation): FieldViolation {
  const sensitive = violation.field.findIndex((step) => step.kind === 'field' && readSensitivity(registry, step));
  if (sensitive >= 0) return describeSensitive(violation, violation.field.slice(0, sensitive + 1));
  return { field: pathToString(violation.field), description: expectation(describeName, violation) };
}

/** The path ends at the sensitive field, for the key of a map is a value too; the words of a rule of our own may show it. */
function describeSensitive({ message, rule }: Violation, path: Path): FieldViolation {
  const isStandard = rule.every((step) => step.kind !== 'field' || step.name !== 'cel');
  return { field: pathToString(path), description: isStandard ? message : 'does not meet the contract' };
}

/** A regular expression tells nobody how a resource is named; its pattern does. */
function expectation(describeName: DescribeName, { field, ruleId, message }: Violation): string {
  const last = field.at(-1);
  const name = ruleId === 'string.pattern' && last?.kind === 'field' ? describeName(last) : undefined;
  return name === undefined ? message : `must be ${name}`;
}
