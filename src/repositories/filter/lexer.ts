import { FilterError } from './filter-error.js';
import { FILTER_LENGTH_MAX } from './limits.js';

export type TokenKind = 'text' | 'string' | 'comparator' | '(' | ')' | '.' | ',' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As it stands in the filter. */
  readonly raw: string;
  /** Of a string, the pieces between unescaped wildcards; of a text as well. */
  readonly pieces: readonly string[];
  /** What it stands for, with wildcards as `*`. */
  readonly value: string;
  readonly position: number;
  /** Whether whitespace stands before it. */
  readonly spaced: boolean;
}

const SINGLE = '().,';
const COMPARATORS = ['<=', '>=', '!=', '<', '>', '=', ':'] as const;
const SPACES = ' \t\r\n';
const QUOTES = '"\'`';
const NUL = String.fromCharCode(0);

// The one text that holds colons. Each part has a fixed length, so that nothing is tried twice.
const TIMESTAMP = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})/y;

/** Splits a filter into tokens, `end` last. Throws FilterError. Each character is looked at a bounded number of times. */
export function tokenize(filter: string): readonly Token[] {
  if (filter.length > FILTER_LENGTH_MAX) {
    throw new FilterError(FILTER_LENGTH_MAX, `expected the end: a filter has at most ${FILTER_LENGTH_MAX} characters`);
  }
  if (!filter.isWellFormed()) throw new FilterError(0, 'expected well-formed Unicode, found half a surrogate pair');
  const nul = filter.indexOf(NUL);
  if (nul >= 0) throw new FilterError(nul, 'expected a text, found a NUL');
  const tokens: Token[] = [];
  for (let position = skipSpaces(filter, 0), before = 0; ;) {
    const token = readToken(filter, position, position > before);
    tokens.push(token);
    if (token.kind === 'end') return tokens;
    before = position + token.raw.length;
    position = skipSpaces(filter, before);
  }
}

function readToken(filter: string, position: number, spaced: boolean): Token {
  const char = filter[position];
  if (char === undefined) return simpleToken('end', '', position, spaced);
  if (QUOTES.includes(char)) return readQuoted(filter, position, spaced);
  if (SINGLE.includes(char)) return simpleToken(char as TokenKind, char, position, spaced);
  const comparator = comparatorAt(filter, position);
  if (comparator !== undefined) return simpleToken('comparator', comparator, position, spaced);
  return readText(filter, position, spaced);
}

function simpleToken(kind: TokenKind, raw: string, position: number, spaced: boolean): Token {
  return { kind, raw, value: raw, pieces: [raw], position, spaced };
}

function readText(filter: string, position: number, spaced: boolean): Token {
  TIMESTAMP.lastIndex = position;
  const timestamp = TIMESTAMP.exec(filter)?.[0];
  let end = position + (timestamp?.length ?? 0);
  while (end < filter.length && isTextAt(filter, end)) end += 1;
  const raw = filter.slice(position, end);
  return { kind: 'text', raw, value: raw, pieces: raw.split('*'), position, spaced };
}

function isTextAt(filter: string, position: number): boolean {
  const char = filter.charAt(position);
  if (SPACES.includes(char) || SINGLE.includes(char) || QUOTES.includes(char)) return false;
  return comparatorAt(filter, position) === undefined;
}

// Backticks quote a name as in a field mask: a backtick is written twice and nothing else is special.
function readQuoted(filter: string, start: number, spaced: boolean): Token {
  const quote = filter.charAt(start);
  const pieces: string[] = [];
  let piece = '';
  for (let position = start + 1; position < filter.length; position += 1) {
    const char = filter.charAt(position);
    const next = filter.charAt(position + 1);
    if (char === quote && quote === '`' && next === quote) {
      piece += char;
      position += 1;
    } else if (char === quote) {
      pieces.push(piece);
      const raw = filter.slice(start, position + 1);
      return { kind: 'string', raw, value: pieces.join('*'), pieces, position: start, spaced };
    } else if (char === '\\' && quote !== '`') {
      piece += unescape(next, position);
      position += 1;
    } else if (char === '*' && quote !== '`') {
      pieces.push(piece);
      piece = '';
    } else piece += char;
  }
  throw new FilterError(filter.length, `expected ${quote} that ends the text at position ${start}`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  '*': '*',
  n: '\n',
  r: '\r',
  t: '\t',
};

function unescape(char: string, position: number): string {
  const value = Object.hasOwn(ESCAPES, char) ? ESCAPES[char] : undefined;
  if (value === undefined) throw new FilterError(position, `expected one of " ' \\ * n r t behind the backslash`);
  return value;
}

function comparatorAt(filter: string, position: number): string | undefined {
  return COMPARATORS.find((comparator) => filter.startsWith(comparator, position));
}

function skipSpaces(filter: string, from: number): number {
  let position = from;
  while (position < filter.length && SPACES.includes(filter.charAt(position))) position += 1;
  return position;
}
