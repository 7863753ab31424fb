import type { TemplateVariable } from './template.js';

/** The two halves of a request target, still percent-encoded. */
export interface RequestTarget {
  readonly path: string;
  /** What follows the first `?`; empty when there is none. */
  readonly query: string;
}

/** A path cut at its slashes: as it came, and with every segment decoded. Empty segments count like any other. */
export interface PathSegments {
  readonly raw: readonly string[];
  readonly decoded: readonly string[];
}

/** Cuts a request target (RFC 9112: origin form or absolute form) into path and query. Undefined when it is neither. */
export function splitTarget(url: string): RequestTarget | undefined {
  const target = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
  const question = target.indexOf('?');
  const path = question === -1 ? target : target.slice(0, question);
  const query = question === -1 ? '' : target.slice(question + 1);
  if (path !== '' && !path.startsWith('/')) return undefined;
  return { path: path === '' ? '/' : path, query };
}

/** Cuts a path into segments. Undefined when an escape in it is malformed or does not stand for UTF-8. */
export function splitPath(path: string): PathSegments | undefined {
  const raw = path.slice(1).split('/');
  if (!path.includes('%')) return { raw, decoded: raw };
  const decoded: string[] = [];
  for (const segment of raw) {
    const text = decodeAll(segment);
    if (text === undefined) return undefined;
    decoded.push(text);
  }
  return { raw, decoded };
}

/**
 * Gives the value of a path variable by the rule of google/api/http.proto: a variable of one segment has all escapes
 * reversed; any other keeps `%2F`, which could not be told from a slash of the path.
 */
export function readVariable(variable: TemplateVariable, { raw, decoded }: PathSegments): string {
  if (variable.isSingleSegment) return decoded[variable.start] ?? '';
  const path = raw.slice(variable.start, variable.end).join('/');
  return path.includes('%') ? decodeButSlash(path) : path;
}

/** Reverses all percent-escapes. Undefined when one is malformed or the result is not UTF-8. */
export function decodeAll(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Expects text that {@link decodeAll} can decode. An escaped slash is one byte of UTF-8, so cutting there is safe. */
function decodeButSlash(path: string): string {
  const parts = path.split(/(%2f)/i);
  return parts.map((part) => (/^%2f$/i.test(part) ? part : (decodeAll(part) ?? part))).join('');
}
