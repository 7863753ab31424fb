import type { DescField, DescMessage, Registry } from '@bufbuild/protobuf';
import { readSensitivity } from '../../rpc/contract-options.js';
import type { FieldViolation } from '../../rpc/errors.js';
import type { QueryParameter } from '../http/query.js';
import type { Binding } from '../routes/binding.js';
import { findField, isLeafMessage } from './field-kinds.js';
import { toLeaf } from './leaf-value.js';
import { createTree, descend, getField, setField, type RequestTree } from './request-tree.js';
import { ofEntry, ofKey } from './violation-path.js';

/** A parameter's name, understood. */
interface Target {
  /** The fields on the way, the last of which takes the value. */
  readonly fields: readonly DescField[];
  readonly field: DescField;
  /** The key of a map entry: `k` in `m[k]`. */
  readonly key: string | undefined;
  /** What the value is for. No other place has the same. */
  readonly place: string;
  /** The path in the words of the contract, without what must not be seen. */
  readonly shownPath: string;
}

/**
 * Puts the parameters of a query into a request: scalars, enums, times, durations, masks and wrappers, one or repeated,
 * in nested messages (`a.b=c`), and map entries (`m[k]=v`). Gives what is wrong with the others.
 */
export function bindQuery(
  registry: Registry,
  binding: Binding,
  tree: RequestTree,
  parameters: readonly QueryParameter[],
): readonly FieldViolation[] {
  if (parameters.length === 0) return [];
  const violations: FieldViolation[] = [];
  const seen = new Set<string>();
  for (const { name, value } of parameters) {
    const target = findTarget(registry, binding, name);
    if (typeof target === 'string') {
      violations.push({ field: ofKey('', name), description: target });
      continue;
    }
    const isRepeated = target.field.fieldKind === 'list';
    const mistake = seen.has(target.place) && !isRepeated ? 'is given more than once' : setValue(tree, target, value);
    seen.add(target.place);
    if (mistake !== undefined) violations.push({ field: target.shownPath, description: mistake });
  }
  return violations;
}

/** Gives what a parameter stands for, or why it stands for nothing. */
function findTarget(registry: Registry, binding: Binding, name: string): Target | string {
  if (binding.body.kind === 'all') return 'is a query parameter, but all fields of this method come in the body';
  const { path: fieldPath, key } = splitKey(name);
  const fields = followPath(binding.method.descriptor.input, fieldPath.split('.'));
  const field = fields?.at(-1);
  if (fields === undefined || field === undefined) return `is not a query parameter of ${binding.method.path}`;
  const mistake = comesElsewhere(binding, fields) ?? wrongForm(field, key);
  if (mistake !== undefined) return mistake;
  const path = fields.map((step) => step.name).join('.');
  // The key of a map is a value too.
  const isShown = key !== undefined && fields.every((step) => readSensitivity(registry, step) === undefined);
  const place = key === undefined ? path : `${path}[${key}`;
  return { fields, field, key, place, shownPath: isShown ? ofEntry(path, key) : path };
}

/** Cuts `m[k]` into the path of the map and the key, which may hold anything. */
function splitKey(name: string): { path: string; key: string | undefined } {
  const bracket = name.indexOf('[');
  if (bracket === -1 || !name.endsWith(']')) return { path: name, key: undefined };
  return { path: name.slice(0, bracket), key: name.slice(bracket + 1, -1) };
}

function comesElsewhere({ body, variables }: Binding, fields: readonly DescField[]): string | undefined {
  if (body.kind === 'field' && fields[0] === body.field) return 'comes in the body';
  return variables.some((variable) => isSamePath(variable.fields, fields)) ? 'comes in the path' : undefined;
}

function wrongForm(field: DescField, key: string | undefined): string | undefined {
  if (field.fieldKind === 'map' && key === undefined) return `needs a key, as in ${field.jsonName}[key]`;
  if (field.fieldKind !== 'map' && key !== undefined) return 'is not a map';
  if (field.message !== undefined && !isLeafMessage(field.message)) return 'is a message: give its fields one by one';
  return undefined;
}

function followPath(input: DescMessage, names: readonly string[]): DescField[] | undefined {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = input;
  for (const name of names) {
    const field: DescField | undefined = message && findField(message, name);
    if (field === undefined) return undefined;
    fields.push(field);
    message = field.fieldKind === 'message' && !isLeafMessage(field.message) ? field.message : undefined;
  }
  return fields;
}

function isSamePath(one: readonly DescField[], other: readonly DescField[]): boolean {
  return one.length === other.length && one.every((field, index) => field === other[index]);
}

/** Sets the value, or gives what is wrong with it. */
function setValue(tree: RequestTree, { fields, field, key }: Target, value: string): string | undefined {
  const parent = descend(tree, fields.slice(0, -1));
  if (typeof parent === 'number') return 'is given in more than one way';
  const leaf = toLeaf(field, value);
  if ('mistake' in leaf) return leaf.mistake;
  if (field.fieldKind === 'list') {
    const items = getField(parent, field);
    if (Array.isArray(items)) items.push(leaf.json);
    else setField(parent, field, [leaf.json]);
  } else if (key !== undefined) {
    setEntry(parent, field, { key, json: leaf.json });
  } else {
    setField(parent, field, leaf.json);
  }
  return undefined;
}

function setEntry(
  parent: RequestTree,
  field: DescField,
  { key, json }: { key: string; json: RequestTree[string] },
): void {
  const entries = (getField(parent, field) as RequestTree | undefined) ?? createTree();
  entries[key] = json;
  setField(parent, field, entries);
}
