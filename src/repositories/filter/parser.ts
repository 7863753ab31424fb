import { FilterError } from './filter-error.js';
import { tokenize, type Token, type TokenKind } from './lexer.js';
import { FILTER_DEPTH_MAX, FILTER_TERMS_MAX, PATH_NAMES_MAX } from './limits.js';
import { describeToken, type Argument, type Literal, type Syntax } from './syntax.js';

/**
 * Reads a filter by the grammar of AIP-160: `OR` binds closer than `AND`, and terms with a space between are an `AND`.
 * Gives `undefined` for an empty one. Throws FilterError, which says where and what was expected.
 *
 * Descends with the grammar and never goes back, so that the time grows with the length. Bounded by limits.ts.
 */
export function parseFilter(filter: string): Syntax | undefined {
  const parser: Parser = { tokens: tokenize(filter), next: 0, depth: 0, terms: 0 };
  if (peek(parser).kind === 'end') return undefined;
  const syntax = parseExpression(parser);
  const rest = peek(parser);
  if (rest.kind !== 'end') throw expected(rest, 'AND, OR or the end');
  return syntax;
}

interface Parser {
  readonly tokens: readonly Token[];
  next: number;
  depth: number;
  terms: number;
}

// expression: sequence {"AND" sequence}, sequence: factor {factor}. Both mean "and".
function parseExpression(parser: Parser): Syntax {
  const operands = [parseFactor(parser)];
  for (;;) {
    const token = peek(parser);
    if (isKeyword(token, 'AND')) take(parser);
    else if (token.kind === 'end' || token.kind === ')' || !token.spaced) return combine('and', operands);
    operands.push(parseFactor(parser));
  }
}

// factor: term {"OR" term}
function parseFactor(parser: Parser): Syntax {
  const operands = [parseTerm(parser)];
  while (isKeyword(peek(parser), 'OR')) {
    take(parser);
    operands.push(parseTerm(parser));
  }
  return combine('or', operands);
}

function combine(kind: 'and' | 'or', operands: readonly Syntax[]): Syntax {
  const [only, ...others] = operands;
  return only !== undefined && others.length === 0 ? only : { kind, operands };
}

// term: ["NOT" | "-"] simple
function parseTerm(parser: Parser): Syntax {
  const token = peek(parser);
  if (isKeyword(token, 'NOT')) {
    take(parser);
    return { kind: 'not', operand: parseSimple(parser) };
  }
  if (token.kind !== 'text' || !token.raw.startsWith('-')) return parseSimple(parser);
  const following = parser.tokens[parser.next + 1];
  if (token.raw === '-' && (following === undefined || following.spaced || following.kind === 'end'))
    throw new FilterError(token.position + 1, 'expected a comparison right behind "-"');
  if (token.raw === '-') take(parser);
  return { kind: 'not', operand: parseSimple(parser, token.raw === '-' ? undefined : withoutMinus(token)) };
}

function withoutMinus(token: Token): Token {
  const raw = token.raw.slice(1);
  return { ...token, raw, value: raw, pieces: raw.split('*'), position: token.position + 1 };
}

// simple: restriction | "(" expression ")". `first` stands for the next token, if it is given.
function parseSimple(parser: Parser, first?: Token): Syntax {
  if (first === undefined && peek(parser).kind === '(') return parseComposite(parser);
  const member = parseMember(parser, first);
  const token = peek(parser);
  countTerm(parser, member[0]?.position ?? token.position);
  if (token.kind !== 'comparator') return { kind: 'bare', literal: toLiteral(member) };
  take(parser);
  const path = member.map(({ value, position }) => ({ name: value, position }));
  return { kind: 'restriction', path, comparator: token.raw, argument: parseArgument(parser) };
}

function parseComposite(parser: Parser): Syntax {
  const open = take(parser);
  parser.depth += 1;
  if (parser.depth > FILTER_DEPTH_MAX)
    throw new FilterError(open.position, `expected at most ${FILTER_DEPTH_MAX} parentheses inside each other`);
  const inner = parseExpression(parser);
  const close = take(parser);
  if (close.kind !== ')') throw expected(close, `AND, OR or ")" for the "(" at position ${open.position}`);
  parser.depth -= 1;
  return inner;
}

function countTerm(parser: Parser, position: number): void {
  parser.terms += 1;
  if (parser.terms > FILTER_TERMS_MAX)
    throw new FilterError(position, `expected the end: a filter has at most ${FILTER_TERMS_MAX} comparisons`);
}

// member: value {"." field}
function parseMember(parser: Parser, first?: Token): readonly Token[] {
  const tokens = [takeName(parser, { what: 'a field name', first, mayBeKeyword: false })];
  while (peek(parser).kind === '.') {
    take(parser);
    tokens.push(takeName(parser, { what: 'a name behind "."', mayBeKeyword: true }));
    if (tokens.length > PATH_NAMES_MAX)
      throw new FilterError(peek(parser).position, `expected at most ${PATH_NAMES_MAX} names in a path`);
  }
  const next = peek(parser);
  if (next.kind === '(' && !next.spaced)
    throw new FilterError(next.position, 'expected a comparator: there are no functions');
  return tokens;
}

interface NameWanted {
  readonly what: string;
  readonly mayBeKeyword: boolean;
  readonly first?: Token | undefined;
}

function takeName(parser: Parser, { what, mayBeKeyword, first }: NameWanted): Token {
  const taken = take(parser);
  const token = first ?? taken;
  const isName: readonly TokenKind[] = ['text', 'string'];
  if (!isName.includes(token.kind) || (!mayBeKeyword && ['AND', 'OR', 'NOT'].some((word) => isKeyword(token, word))))
    throw expected(token, what);
  return token;
}

function parseArgument(parser: Parser): Argument {
  const token = peek(parser);
  if (token.kind === '(') return { kind: 'composite', position: token.position, syntax: parseComposite(parser) };
  if (token.kind !== 'text' && token.kind !== 'string') throw expected(token, 'a value');
  return toLiteral(parseMember(parser));
}

// A text with dots in it, such as `1.5` or `a.b`, is one literal again.
function toLiteral(tokens: readonly Token[]): Literal {
  const [first] = tokens;
  if (first === undefined) throw new RangeError('Cannot make a literal of no tokens');
  const { position } = first;
  if (first.kind === 'string' && tokens.length === 1)
    return { kind: 'literal', text: first.value, pieces: first.pieces, quoted: true, position };
  const quoted = tokens.find(({ kind }) => kind === 'string');
  if (quoted) throw expected(quoted, 'a value without quotes inside');
  const text = tokens.map(({ raw }) => raw).join('.');
  return { kind: 'literal', text, pieces: text.split('*'), quoted: false, position };
}

function isKeyword(token: Token, word: string): boolean {
  return token.kind === 'text' && token.raw === word;
}

function peek(parser: Parser): Token {
  const token = parser.tokens[parser.next] ?? parser.tokens.at(-1);
  if (token === undefined) throw new RangeError('Cannot parse: there are no tokens');
  return token;
}

function take(parser: Parser): Token {
  const token = peek(parser);
  parser.next += 1;
  return token;
}

function expected(token: Token, what: string): FilterError {
  return new FilterError(token.position, `expected ${what}, found ${describeToken(token)}`);
}
