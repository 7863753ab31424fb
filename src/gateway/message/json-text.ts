import { ofItem, ofKey } from './violation-path.js';

/** The deepest nesting that is accepted; protobuf-es stops at the same depth. */
export const JSON_DEPTH_MAX = 100;

/**
 * The most values in one body: names, items and what holds them. Each costs some microseconds until it is a message, so
 * that 4 MiB of nothing but brackets would cost seconds where 4 MiB of text cost milliseconds.
 */
export const JSON_VALUES_MAX = 250_000;

/** Says what JSON.parse would have let pass in silence. */
export interface JsonFacts {
  /** True when an integer stands in it that a double cannot hold, so that parsing has changed it. */
  readonly hasUnsafeInteger: boolean;
}

/** A text that is not JSON, or that two readers would understand differently. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
  /** The path of the value at fault, empty when the text as a whole is no JSON. */
  readonly field: string;

  constructor(field: string, description: string) {
    super(description);
    this.field = field;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
  /** The keys and indexes on the way to the value at the cursor; a path is only written when it is told. */
  readonly steps: (string | number)[];
  hasUnsafeInteger: boolean;
  valuesLeft: number;
}

/**
 * Checks a JSON text by RFC 8259 and RFC 7493 (I-JSON): no name twice in one object, no lone surrogate, no number
 * beyond a double, at most {@link JSON_DEPTH_MAX} levels and {@link JSON_VALUES_MAX} values. Throws a {@link JsonTextError} with line and column, in
 * words of its own: those of JSON.parse are the engine's and change with it.
 */
export function checkJsonText(text: string, path: string): JsonFacts {
  const cursor: Cursor = { text, at: 0, steps: [], hasUnsafeInteger: false, valuesLeft: JSON_VALUES_MAX };
  try {
    scanValue(cursor);
    if (cursor.at < text.length) throw syntax(cursor, 'text after the end of the value');
  } catch (err) {
    throw err instanceof ValueMistake ? new JsonTextError(writePath(path, cursor.steps), err.message) : err;
  }
  return cursor;
}

/** A mistake in the value at the cursor. */
class ValueMistake extends Error {}

function writePath(path: string, steps: readonly (string | number)[]): string {
  return steps.reduce<string>(
    (inner, step) => (typeof step === 'number' ? ofItem(inner, step) : ofKey(inner, step)),
    path,
  );
}

function scanValue(cursor: Cursor): void {
  cursor.valuesLeft -= 1;
  if (cursor.valuesLeft < 0) throw new JsonTextError('', `Body holds more than ${JSON_VALUES_MAX} JSON values`);
  skipSpace(cursor);
  const char = cursor.text[cursor.at];
  if (char === '{') scanObject(cursor);
  else if (char === '[') scanArray(cursor);
  else if (char === '"') scanString(cursor);
  else if (!takeWord(cursor)) scanNumber(cursor);
  skipSpace(cursor);
}

function scanObject(cursor: Cursor): void {
  enter(cursor);
  if (take(cursor, '}')) return;
  const seen = new Set<string>();
  do {
    const key = scanKey(cursor);
    cursor.steps.push(key);
    if (seen.has(key)) throw new ValueMistake('stands twice in its object');
    seen.add(key);
    scanValue(cursor);
    cursor.steps.pop();
  } while (take(cursor, ','));
  if (!take(cursor, '}')) throw syntax(cursor, 'expected "," or "}"');
}

function scanArray(cursor: Cursor): void {
  enter(cursor);
  if (take(cursor, ']')) return;
  let index = 0;
  do {
    cursor.steps.push(index);
    scanValue(cursor);
    cursor.steps.pop();
    index += 1;
  } while (take(cursor, ','));
  if (!take(cursor, ']')) throw syntax(cursor, 'expected "," or "]"');
}

/** Steps over the bracket and the space after it. */
function enter(cursor: Cursor): void {
  // The steps on the way are the brackets that are open.
  if (cursor.steps.length >= JSON_DEPTH_MAX) throw new ValueMistake(`is nested deeper than ${JSON_DEPTH_MAX} levels`);
  cursor.at += 1;
  skipSpace(cursor);
}

function scanKey(cursor: Cursor): string {
  skipSpace(cursor);
  if (cursor.text[cursor.at] !== '"') throw syntax(cursor, 'expected a name in double quotes');
  const key = scanString(cursor);
  skipSpace(cursor);
  if (!take(cursor, ':')) throw syntax(cursor, 'expected ":"');
  return key;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;

function scanString(cursor: Cursor): string {
  const { text } = cursor;
  const start = cursor.at;
  let hasEscape = false;
  for (cursor.at += 1; ; cursor.at += 1) {
    const code = text.charCodeAt(cursor.at);
    if (code === QUOTE) break;
    if (Number.isNaN(code)) throw syntax(cursor, 'the text ends inside a string');
    if (code < FIRST_PRINTABLE) throw syntax(cursor, 'control characters in a string must be escaped');
    if (code === BACKSLASH) {
      hasEscape = true;
      skipEscape(cursor);
    }
  }
  cursor.at += 1;
  if (!hasEscape) return text.slice(start + 1, cursor.at - 1);
  const value = String(JSON.parse(text.slice(start, cursor.at)));
  if (!value.isWellFormed()) throw new ValueMistake('holds half of a surrogate pair, which is no character');
  return value;
}

/** Leaves the cursor on the last character of the escape. */
function skipEscape(cursor: Cursor): void {
  ESCAPE.lastIndex = cursor.at;
  const escape = ESCAPE.exec(cursor.text);
  if (escape === null) throw syntax(cursor, 'this escape is not one of JSON');
  cursor.at += escape[0].length - 1;
}

function scanNumber(cursor: Cursor): void {
  NUMBER.lastIndex = cursor.at;
  const digits = NUMBER.exec(cursor.text)?.[0];
  if (digits === undefined) throw syntax(cursor, 'expected a value');
  const value = Number(digits);
  if (!Number.isFinite(value)) throw new ValueMistake('is a number beyond the range of a double');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) cursor.hasUnsafeInteger = true;
  cursor.at += digits.length;
}

function takeWord(cursor: Cursor): boolean {
  const word = WORDS.find((candidate) => cursor.text.startsWith(candidate, cursor.at));
  cursor.at += word?.length ?? 0;
  return word !== undefined;
}

function take(cursor: Cursor, char: string): boolean {
  if (cursor.text[cursor.at] !== char) return false;
  cursor.at += 1;
  return true;
}

function skipSpace(cursor: Cursor): void {
  while (SPACE.has(cursor.text.charCodeAt(cursor.at))) cursor.at += 1;
}

function syntax({ text, at }: Cursor, what: string): JsonTextError {
  const before = text.slice(0, at).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  return new JsonTextError('', `Body is not JSON: ${what} at line ${before.length}, column ${column}`);
}

const WORDS = ['true', 'false', 'null'];
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
