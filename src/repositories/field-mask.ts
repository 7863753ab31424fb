import type { JsonObject, JsonValue } from '../store/json-value.js';

/** A mask names something that cannot be changed, or is not written as a path. Nothing was changed. */
export class FieldMaskError extends Error {
  override readonly name = 'FieldMaskError';
  /** The path at fault, as it was given. */
  readonly path: string;
  /** The field of the request that holds the mask. */
  readonly field: 'update_mask' | 'read_mask';

  constructor(path: string, problem: string, field: FieldMaskError['field'] = 'update_mask') {
    super(`path "${path}" ${problem}`);
    this.path = path;
    this.field = field;
  }
}

const PATH_PART = /(?:[A-Za-z0-9_]+|`(?:[^`]|``)*`)/y;

/**
 * Splits a path of a field mask into its parts (AIP-161). A part with other characters than `A-Z`, `a-z`, `0-9` and `_`
 * stands in backticks, in which a backtick is written twice.
 */
export function parseFieldPath(path: string): string[] {
  const parts: string[] = [];
  let position = 0;
  for (;;) {
    PATH_PART.lastIndex = position;
    const part = PATH_PART.exec(path)?.[0];
    if (part === undefined)
      throw new FieldMaskError(path, `is not a field path: expected a name at position ${position}`);
    parts.push(part.startsWith('`') ? part.slice(1, -1).replaceAll('``', '`') : part);
    position += part.length;
    if (position === path.length) return parts;
    if (path[position] !== '.')
      throw new FieldMaskError(path, `is not a field path: expected "." at position ${position}`);
    position += 1;
  }
}

/**
 * Gives `target` with the value at each path taken from `source`. A path that `source` lacks is removed. Objects on the
 * way that `target` lacks are made. Neither argument is changed.
 */
export function applyFieldMask(target: JsonObject, source: JsonObject, paths: readonly string[]): JsonObject {
  return paths.reduce((result, path) => copyPath(result, source, { path, parts: parseFieldPath(path) }), target);
}

function copyPath(target: JsonObject, source: JsonObject, at: { path: string; parts: readonly string[] }): JsonObject {
  const [key, ...rest] = at.parts;
  if (key === undefined) return target;
  const from = Object.hasOwn(source, key) ? source[key] : undefined;
  if (rest.length === 0) return withKey(target, key, from);
  const into = Object.hasOwn(target, key) ? target[key] : undefined;
  if (into !== undefined && !isObject(into))
    throw new FieldMaskError(at.path, `goes through "${key}", which is no object`);
  // Removing something from an object that is not there changes nothing, and must not make the object.
  if (into === undefined && !isObject(from)) return target;
  const inner = { path: at.path, parts: rest };
  return withKey(target, key, copyPath(into ?? {}, isObject(from) ? from : {}, inner));
}

function withKey(target: JsonObject, key: string, value: JsonValue | undefined): JsonObject {
  const entries = Object.entries(target).filter(([name]) => name !== key);
  if (value !== undefined) entries.push([key, value]);
  return Object.fromEntries(entries);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
