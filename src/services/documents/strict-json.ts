import type { JsonObject } from '../../store/json-value.js';

/** The text is no JSON object, or one that a reader would take for another. */
export class StrictJsonError extends Error {
  override readonly name = 'StrictJsonError';
}

/** A JSON object, and the same as JSON.stringify writes it. */
export interface StrictJson {
  readonly value: JsonObject;
  readonly json: string;
}

/**
 * Reads the text of a JSON object. Refuses what JSON.parse takes and other readers take otherwise: a name that stands
 * twice in an object, of which one value would be lost, and a number that a double cannot hold, which would be infinity.
 */
export function parseStrictJson(text: string): StrictJson {
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new StrictJsonError('must be a JSON object');
  // Written again it is the same text, unless something was lost, or it was written in another way to begin with.
  const json = stringify(value);
  if (json === text) return { value: value as JsonObject, json };
  assertNothingLost(text);
  // Minus zero is written as zero.
  return { value: JSON.parse(json) as JsonObject, json };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (err) {
    throw new StrictJsonError(err instanceof Error ? err.message : 'is no JSON');
  }
}

// What is nested too deeply to be written again is too deep for everybody.
function stringify(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw new StrictJsonError('is nested too deeply');
  }
}

// A string with what is behind it, a number, or a bracket. The text is JSON, so that nothing else has to be told apart.
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*|[{}[\]]/g;

function assertNothingLost(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (const [token, colon] of text.matchAll(TOKEN)) {
    const first = token[0];
    if (first === '{') open.push(new Set());
    else if (first === '[') open.push(undefined);
    else if (first === '}' || first === ']') open.pop();
    else if (first !== '"') assertFinite(token);
    else if (colon !== undefined) addName(open.at(-1), token.slice(0, token.length - colon.length));
  }
}

function addName(names: Set<string> | undefined, token: string): void {
  const name = JSON.parse(token) as string;
  if (names?.has(name) === true) throw new StrictJsonError(`has the name ${JSON.stringify(name)} twice in one object`);
  names?.add(name);
}

function assertFinite(token: string): void {
  if (!Number.isFinite(Number(token)))
    throw new StrictJsonError(`holds the number ${token.slice(0, 40)}, which is too large`);
}
