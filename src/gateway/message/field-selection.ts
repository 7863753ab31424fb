import type { DescField, DescMessage, JsonObject, JsonValue } from '@bufbuild/protobuf';
import { findField, isLeafMessage, isOpaqueMessage } from './field-kinds.js';

/** The parts of a JSON value that are wanted, by name; `*` stands for all names. What has no selection is wanted whole. */
export type Selection = ReadonlyMap<string, Selection | undefined>;

/** What stands at a place of an answer: a message, values by key, anything, or nothing that has parts. */
type Shape =
  | { readonly kind: 'message'; readonly message: DescMessage }
  | { readonly kind: 'map'; readonly value: Shape }
  | { readonly kind: 'free' }
  | { readonly kind: 'leaf' };

const DEPTH_MAX = 32;

/** A selection that cannot be read; the message says why, to be put after the name of the parameter. */
export class SelectionError extends Error {
  override readonly name = 'SelectionError';
}

/**
 * Reads the selection of a partial response: names with commas between, `/` or `.` into a part, and `a(b,c)` for several
 * parts of one: `name,place(cityName,height),items/id`. Names may be those of JSON or of the contract; lists are selected
 * from item by item. Throws a {@link SelectionError} for what the answer does not have.
 */
export function parseSelection(text: string, answer: DescMessage | DescField): Selection {
  const cursor = { text, at: 0 };
  const selection = parseList(cursor, answer.kind === 'message' ? shapeOf(answer) : shapeOfField(answer), 0);
  if (cursor.at < text.length) throw new SelectionError(`has a "${text[cursor.at]}" that nothing opens`);
  return selection;
}

interface Cursor {
  readonly text: string;
  at: number;
}

type Parts = Map<string, Selection | undefined>;

function parseList(cursor: Cursor, shape: Shape, depth: number): Selection {
  const parts: Parts = new Map();
  do parseItem(cursor, shape, { parts, depth });
  while (take(cursor, ','));
  return parts;
}

function parseItem(cursor: Cursor, shape: Shape, { parts, depth }: { parts: Parts; depth: number }): void {
  if (depth > DEPTH_MAX) throw new SelectionError(`is nested deeper than ${DEPTH_MAX} levels`);
  const { key, inner } = step(shape, takeName(cursor));
  let below: Selection | undefined;
  if (take(cursor, '/') || take(cursor, '.')) {
    const next: Parts = new Map();
    parseItem(cursor, inner, { parts: next, depth: depth + 1 });
    below = next;
  } else if (take(cursor, '(')) {
    below = parseList(cursor, inner, depth + 1);
    if (!take(cursor, ')')) throw new SelectionError('has a "(" without a ")"');
  }
  parts.set(key, parts.has(key) ? merge(parts.get(key), below) : below);
}

/** What is wanted whole by one of two is wanted whole. */
function merge(one: Selection | undefined, other: Selection | undefined): Selection | undefined {
  if (one === undefined || other === undefined) return undefined;
  const all: Parts = new Map(one);
  for (const [key, below] of other) all.set(key, all.has(key) ? merge(all.get(key), below) : below);
  return all;
}

function take(cursor: Cursor, char: string): boolean {
  if (cursor.text[cursor.at] !== char) return false;
  cursor.at += 1;
  return true;
}

/** A key of a map or a struct that holds other characters stands in backticks. */
function takeName(cursor: Cursor): string {
  NAME.lastIndex = cursor.at;
  const found = NAME.exec(cursor.text);
  if (found === null) throw new SelectionError('has an empty name');
  cursor.at += found[0].length;
  return found[1] ?? found[0];
}

const NAME = /`([^`]+)`|[^,/.()`]+/y;

function step(shape: Shape, name: string): { key: string; inner: Shape } {
  if (shape.kind === 'leaf') throw new SelectionError(`names "${name}" in a value that has no parts`);
  if (shape.kind === 'free') return { key: name, inner: shape };
  if (shape.kind === 'map') return { key: name, inner: shape.value };
  if (name === '*') return { key: name, inner: { kind: 'free' } };
  const field = findField(shape.message, name);
  if (field === undefined)
    throw new SelectionError(`names "${name}", which is not a field of ${shape.message.typeName}`);
  return { key: field.jsonName, inner: shapeOfField(field) };
}

function shapeOfField(field: DescField): Shape {
  const value: Shape = field.message === undefined ? { kind: 'leaf' } : shapeOf(field.message);
  return field.fieldKind === 'map' ? { kind: 'map', value } : value;
}

function shapeOf(message: DescMessage): Shape {
  if (isOpaqueMessage(message)) return { kind: 'free' };
  return isLeafMessage(message) ? { kind: 'leaf' } : { kind: 'message', message };
}

/** Gives the wanted parts of a JSON value. */
export function selectParts(json: JsonValue, selection: Selection): JsonValue {
  if (Array.isArray(json)) return json.map((item) => selectParts(item, selection));
  if (typeof json !== 'object' || json === null) return json;
  const parts: JsonObject = Object.create(null) as JsonObject;
  for (const [key, value] of Object.entries(json)) {
    const name = selection.has(key) ? key : '*';
    if (!selection.has(name)) continue;
    const below = selection.get(name);
    parts[key] = below === undefined ? value : selectParts(value, below);
  }
  return parts;
}
