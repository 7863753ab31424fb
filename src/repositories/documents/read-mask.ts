import type { JsonObject } from '../../store/json-value.js';
import { applyFieldMask, FieldMaskError, parseFieldPath } from '../field-mask.js';
import { MASK_PATHS_MAX } from '../update-mask.js';

/** Takes from a content the parts that a caller wants. */
export type Projection = (fields: JsonObject) => JsonObject;

// Come with every document.
const KNOWN: readonly string[] = ['name', 'etag', 'revision', 'create_time', 'update_time', 'expire_time'];

/** Reads a read mask (AIP-157). None, an empty one or `*` is everything. Throws FieldMaskError. */
export function readProjection(mask: readonly string[] | undefined): Projection {
  if (mask === undefined || mask.length === 0) return (fields) => fields;
  if (mask.length > MASK_PATHS_MAX)
    throw new FieldMaskError(mask[MASK_PATHS_MAX] ?? '', `is one of too many: at most ${MASK_PATHS_MAX}`, 'read_mask');
  const paths = mask.filter((path) => !KNOWN.includes(path));
  if (paths.some((path) => path === '*' || path === 'fields')) return (fields) => fields;
  for (const path of paths) assertPath(path);
  return (fields) => {
    const known = paths.filter((path) => isIn({ fields }, parseFieldPath(path)));
    return (applyFieldMask({ fields: {} }, { fields }, known)['fields'] ?? {}) as JsonObject;
  };
}

function assertPath(path: string): void {
  let first: string | undefined;
  try {
    [first] = parseFieldPath(path);
  } catch {
    throw new FieldMaskError(path, 'is not a field path', 'read_mask');
  }
  if (first !== 'fields') throw new FieldMaskError(path, 'is unknown: expected "fields" or a path below', 'read_mask');
}

function isIn(value: JsonObject, keys: readonly string[]): boolean {
  let node: unknown = value;
  for (const key of keys) {
    if (typeof node !== 'object' || node === null || Array.isArray(node) || !Object.hasOwn(node, key)) return false;
    node = Reflect.get(node, key);
  }
  return true;
}
