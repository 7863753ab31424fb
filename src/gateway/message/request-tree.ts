import type { DescField, JsonValue } from '@bufbuild/protobuf';

/** A request in the making: its JSON, from which protobuf-es reads the message once path, query and body are in it. */
export type RequestTree = Record<string, JsonValue>;

/** Makes an empty tree. It has no prototype, so that `__proto__` is a name like any other. */
export function createTree(): RequestTree {
  return Object.create(null) as RequestTree;
}

/** Gives the value of a field, by whichever of its two names it stands there. */
export function getField(tree: RequestTree, field: DescField): JsonValue | undefined {
  if (Object.hasOwn(tree, field.jsonName)) return tree[field.jsonName];
  return Object.hasOwn(tree, field.name) ? tree[field.name] : undefined;
}

/** Sets a field in place of whatever stands there under either of its names. */
export function setField(tree: RequestTree, field: DescField, value: JsonValue): void {
  // The JSON name is overwritten; only the other one would stay beside it.
  if (field.name !== field.jsonName && Object.hasOwn(tree, field.name)) delete tree[field.name];
  tree[field.jsonName] = value;
}

export function removeField(tree: RequestTree, field: DescField): void {
  delete tree[field.jsonName];
  delete tree[field.name];
}

/**
 * Gives the tree of the message that the fields lead to, made where it is missing. Gives the number of fields that
 * could be followed where something else than an object stands in the way.
 */
export function descend(tree: RequestTree, fields: readonly DescField[]): RequestTree | number {
  let current = tree;
  for (const [index, field] of fields.entries()) {
    let next = getField(current, field) ?? undefined;
    if (next === undefined) {
      next = createTree();
      setField(current, field, next);
    }
    if (typeof next !== 'object' || next === null || Array.isArray(next)) return index + 1;
    current = next;
  }
  return current;
}
