import { isDeepStrictEqual } from 'node:util';
import { create, toJson, type DescField, type DescMessage, type Registry } from '@bufbuild/protobuf';
import { isImmutable } from '../rpc/contract-options.js';
import type { JsonObject, JsonValue } from '../store/json-value.js';
import { ownValue } from '../store/query/field-value.js';
import { ImmutableFieldError } from './errors.js';
import { isKnownField, typeOfMessage } from './message-schema.js';
import { toStoredJson } from './stored-json.js';
import type { Kind } from './refusals.js';

/** A field that may be set at the creation of a resource, and not changed after it. */
export interface ImmutableField {
  /** The names that lead to it, through messages. */
  readonly path: readonly string[];
  /** How it is stored where nobody has set it. */
  readonly unset: JsonValue | undefined;
}

/** The fields that the contract calls `IMMUTABLE` (AIP-203), in messages below as well, but not in lists and maps. */
export function immutableFieldsOf(registry: Registry, message: DescMessage): readonly ImmutableField[] {
  return below(registry, message, []);
}

function below(registry: Registry, message: DescMessage, within: readonly DescMessage[]): readonly ImmutableField[] {
  // A message may hold itself.
  if (within.includes(message)) return [];
  const fields = within.length === 0 ? message.fields.filter(({ name }) => !isKnownField(name)) : message.fields;
  return fields.flatMap((field): readonly ImmutableField[] => {
    if (isImmutable(registry, field)) return [{ path: [field.name], unset: unsetValue(field) }];
    if (field.fieldKind !== 'message') return [];
    const inner = below(registry, field.message, [...within, message]);
    return inner.map(({ path, unset }) => ({ path: [field.name, ...path], unset }));
  });
}

function unsetValue({ name, parent }: DescField): JsonValue | undefined {
  const json = toJson(parent, create(parent), { useProtoFieldName: true, alwaysEmitImplicit: true });
  return ownValue(toStoredJson(typeOfMessage(parent), json as JsonObject, ''), name);
}

/** Whether a value says nothing of a field. */
export function leavesUnset(value: JsonObject, field: ImmutableField): boolean {
  return isDeepStrictEqual(readField(value, field), field.unset);
}

/** Throws ImmutableFieldError for the first field that would be changed. */
export function assertUnchanged(
  { singular, immutable }: Kind & { readonly immutable: readonly ImmutableField[] },
  before: JsonObject,
  after: JsonObject,
): void {
  const changed = immutable.find((field) => !isDeepStrictEqual(readField(before, field), readField(after, field)));
  if (changed !== undefined) throw new ImmutableFieldError(singular, changed.path.join('.'));
}

/** A release that did not know the field has not stored it, which means that nobody has set it. */
function readField(value: JsonObject, { path, unset }: ImmutableField): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const name of path) found = found === undefined ? undefined : ownValue(found, name);
  return found ?? unset;
}
