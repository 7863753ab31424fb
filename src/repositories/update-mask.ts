import type { JsonObject, JsonValue } from '../store/json-value.js';
import { ownValue } from '../store/query/field-value.js';
import { applyFieldMask, FieldMaskError, parseFieldPath } from './field-mask.js';
import type { FieldType, Schema, SchemaField } from './filter/schema.js';

/** Paths of one mask. */
export const MASK_PATHS_MAX = 256;

/**
 * Checks that each path of a mask names something that can be changed: through messages by their fields, through maps
 * and free JSON by any key, never into a list. Gives `undefined` for the whole resource: no mask, an empty one, or `*`.
 * Throws FieldMaskError, which names the path.
 */
export function checkUpdateMask(mask: readonly string[] | undefined, schema: Schema): readonly string[] | undefined {
  if (mask === undefined || mask.length === 0) return undefined;
  if (mask.length > MASK_PATHS_MAX)
    throw new FieldMaskError(mask[MASK_PATHS_MAX] ?? '', `is one of too many: at most ${MASK_PATHS_MAX} are allowed`);
  if (mask.includes('*')) {
    if (mask.length > 1) throw new FieldMaskError('*', 'stands for everything and must stand alone');
    return undefined;
  }
  for (const path of mask) checkPath(path, schema);
  return mask;
}

/**
 * Gives `target` with what the paths name taken from `source`. Setting one field of a oneof removes the others. The mask
 * must have been checked.
 */
export function applyUpdateMask(
  target: JsonObject,
  source: JsonObject,
  { paths, schema }: { readonly paths: readonly string[]; readonly schema: Schema },
): JsonObject {
  const rivals = paths.flatMap((path) => rivalPaths(parseFieldPath(path), source, schema));
  return applyFieldMask(applyFieldMask(target, {}, rivals), source, paths);
}

/** The paths of what cannot be set beside what a path sets. */
function rivalPaths(parts: readonly string[], source: JsonObject, schema: Schema): string[] {
  const rivals: string[] = [];
  let type: FieldType | undefined;
  let value: JsonValue | undefined = source;
  for (const [index, part] of parts.entries()) {
    value = value === undefined ? undefined : ownValue(value, part);
    if (value === undefined) return rivals;
    const others: readonly string[] = index === 0 ? (schema.get(part)?.rivals ?? []) : rivalsIn(type, part);
    rivals.push(...others.map((other) => writePath([...parts.slice(0, index), other])));
    type = index === 0 ? schema.get(part)?.type : type && stepInto(type, { path: part, name: part });
  }
  return rivals;
}

function rivalsIn(type: FieldType | undefined, name: string): readonly string[] {
  return type?.kind === 'message' ? (type.rivals?.get(name) ?? []) : [];
}

function writePath(parts: readonly string[]): string {
  return parts.map((part) => `\`${part.replaceAll('`', '``')}\``).join('.');
}

function checkPath(path: string, schema: Schema): void {
  const [first = '', ...rest] = parseFieldPath(path);
  const entry = schema.get(first);
  if (entry === undefined || !isChangeable(entry)) {
    const names = [...schema].filter(([, known]) => isChangeable(known)).map(([name]) => `"${name}"`);
    throw new FieldMaskError(path, `cannot be updated: expected ${names.join(' or ')}, or a path below`);
  }
  rest.reduce((type, name) => stepInto(type, { path, name }), entry.type);
}

// The rest is set by the server.
function isChangeable({ field }: SchemaField): boolean {
  return field.kind === 'value';
}

function stepInto(type: FieldType, { path, name }: { readonly path: string; readonly name: string }): FieldType {
  switch (type.kind) {
    case 'json':
      return type;
    case 'map':
      return type.value;
    case 'message': {
      const inner = type.fields.get(name);
      if (inner) return inner;
      throw new FieldMaskError(path, `is unknown: expected one of ${[...type.fields.keys()].join(', ')} for "${name}"`);
    }
    default:
      throw new FieldMaskError(path, `goes into a ${type.kind} by "${name}", which only a message, a map or JSON has`);
  }
}
