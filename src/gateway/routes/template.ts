/** One step of a path: a fixed text, any one segment (`*`), or any number of segments to the end (`**`). */
export type TemplateSegment =
  { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'one' } | { readonly kind: 'many' };

/** A part of the path that goes into a field of the request. */
export interface TemplateVariable {
  /** The names on the way to the field: `['document', 'name']`. */
  readonly fieldPath: readonly string[];
  /** The index of its first segment. */
  readonly start: number;
  /** The index after its last segment. Undefined when the variable takes the rest of the path. */
  readonly end: number | undefined;
  /** True for `{name}` and `{name=*}` only; the other variables keep `%2F` as it is. */
  readonly isSingleSegment: boolean;
}

/** A path template of google.api.http, taken apart. */
export interface Template {
  readonly text: string;
  readonly segments: readonly TemplateSegment[];
  readonly variables: readonly TemplateVariable[];
  /** The word after the last colon (`cancel` in `/v1/{name=jobs/*}:cancel`). */
  readonly verb: string | undefined;
}

/** A path template that does not follow the grammar. The message says where and why. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/**
 * Takes a path template apart by the grammar in google/api/http.proto. Beyond it, the template `/` stands for the root.
 * Literals are percent-decoded. Throws a {@link TemplateError}.
 */
export function parseTemplate(text: string): Template {
  if (!text.startsWith('/')) throw mistake(text, 'it must begin with "/"');
  const verbStart = findVerb(text);
  const verb = verbStart === undefined ? undefined : parseLiteral(text, text.slice(verbStart + 1));
  const path = text.slice(1, verbStart);
  const segments: TemplateSegment[] = [];
  const variables: TemplateVariable[] = [];
  for (const part of splitOutsideBraces(text, path)) {
    if (part.startsWith('{')) variables.push(parseVariable(text, part, segments));
    else segments.push(parseSegment(text, part));
  }
  checkWhole(text, segments, variables);
  return { text, segments, variables, verb };
}

/** Gives the index of the colon before the verb: the last one that stands after the last slash and the last brace. */
function findVerb(text: string): number | undefined {
  const colon = text.lastIndexOf(':');
  return colon > text.lastIndexOf('/') && colon > text.lastIndexOf('}') ? colon : undefined;
}

/** Splits at the slashes that are not inside a variable. */
function splitOutsideBraces(text: string, path: string): string[] {
  const parts = [''];
  let isInside = false;
  for (const char of path) {
    if (char === '{' && isInside) throw mistake(text, 'a variable must not hold another variable');
    if (char === '}' && !isInside) throw mistake(text, '"}" has no "{" before it');
    if (char === '{') isInside = true;
    if (char === '}') isInside = false;
    if (char === '/' && !isInside) parts.push('');
    else parts[parts.length - 1] += char;
  }
  if (isInside) throw mistake(text, '"{" has no "}" after it');
  return parts;
}

function parseVariable(text: string, part: string, segments: TemplateSegment[]): TemplateVariable {
  if (part.indexOf('}') !== part.length - 1) throw mistake(text, `"${part}" must be a variable and nothing else`);
  const inner = part.slice(1, -1);
  const equals = inner.indexOf('=');
  const fieldPath = (equals === -1 ? inner : inner.slice(0, equals)).split('.');
  if (!fieldPath.every((name) => IDENTIFIER.test(name))) {
    throw mistake(text, `"${fieldPath.join('.')}" is not the path of a field`);
  }
  const start = segments.length;
  const pattern = equals === -1 ? ['*'] : inner.slice(equals + 1).split('/');
  const own = pattern.map((segment) => parseSegment(text, segment));
  segments.push(...own);
  const end = own.at(-1)?.kind === 'many' ? undefined : segments.length;
  return { fieldPath, start, end, isSingleSegment: own.length === 1 && own[0]?.kind === 'one' };
}

function parseSegment(text: string, segment: string): TemplateSegment {
  if (segment === '*') return { kind: 'one' };
  if (segment === '**') return { kind: 'many' };
  if (segment === '' && text === '/') return { kind: 'literal', text: '' };
  if (segment.includes('*')) throw mistake(text, `"*" must stand alone between slashes, not as in "${segment}"`);
  return { kind: 'literal', text: parseLiteral(text, segment) };
}

/** Checks the characters by RFC 3986's rule for a path segment. */
function parseLiteral(text: string, literal: string): string {
  if (literal === '') throw mistake(text, 'an empty segment or verb can never match');
  if (!LITERAL.test(literal)) throw mistake(text, `"${literal}" holds a character that a path must percent-encode`);
  try {
    return decodeURIComponent(literal);
  } catch {
    throw mistake(text, `"${literal}" is not percent-encoded UTF-8`);
  }
}

function checkWhole(text: string, segments: readonly TemplateSegment[], variables: readonly TemplateVariable[]): void {
  if (segments.slice(0, -1).some((segment) => segment.kind === 'many')) {
    throw mistake(text, '"**" must be the last part of the path');
  }
  const names = variables.map((variable) => variable.fieldPath.join('.'));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw mistake(text, `the variable "${twice}" stands in it twice`);
}

function mistake(text: string, why: string): TemplateError {
  return new TemplateError(`Path template "${text}" is not valid: ${why}`);
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=:@-]|%[0-9A-Fa-f]{2})+$/;
