import type { Bindings, Logger } from 'pino';
import { ServiceError, type FailureDetails } from './errors.js';
import { StatusError } from './status.js';

/** Stands where a value was that must not be seen. */
const HIDDEN = '[redacted]';
/** What begins like a sensitive value for so long is taken for one that was cut. */
const PREFIX_CHARS = 12;
/** A shorter value is looked for as a word only: a digit on its own stands in every second text. */
const WORD_CHARS = 4;
const CAUSES_MAX = 5;
const DEPTH_MAX = 6;

/** Takes the values that it was made for out of a text. */
export type Scrub = (text: string) => string;

/** Makes a scrub of values that must not be seen: as they are, escaped as JSON or in a URL, whole or cut at the end. */
export function createScrub(values: readonly string[]): Scrub {
  const forms = new Set<string>();
  for (const value of values) {
    const wellFormed = value.toWellFormed();
    for (const form of [wellFormed, JSON.stringify(wellFormed).slice(1, -1), encodeURIComponent(wellFormed)]) {
      if (form.trim() !== '') forms.add(form);
    }
  }
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  // What stands there whole goes first: else the beginning of one form would take that of another for one that was cut.
  return (text) => removeCut(longestFirst.reduce(removeWhole, text), longestFirst);
}

function removeWhole(text: string, value: string): string {
  if (value.length >= WORD_CHARS) return text.replaceAll(value, HIDDEN);
  let result = '';
  let from = 0;
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, from)) {
    result += text.slice(from, at) + (isWord(text, at, value.length) ? HIDDEN : value);
    from = at + value.length;
  }
  return result + text.slice(from);
}

/** Of several forms that begin alike, the one that goes on for longest is what was cut. */
function removeCut(text: string, forms: readonly string[]): string {
  let result = '';
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const length = Math.max(0, ...forms.map((form) => countAlike(text, at, form)));
    if (length < PREFIX_CHARS) continue;
    result += text.slice(from, at) + HIDDEN;
    from = at + length;
    at = from - 1;
  }
  return result + text.slice(from);
}

function countAlike(text: string, at: number, form: string): number {
  let length = 0;
  while (length < form.length && text[at + length] === form[length]) length += 1;
  return length;
}

function isWord(text: string, at: number, length: number): boolean {
  const isPart = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character);
  return !isPart(text[at - 1]) && !isPart(text[at + length]);
}

/** Gives the same failure without the values, down to what caused it. */
export function scrubError(err: unknown, scrub: Scrub): unknown {
  // The answer of another process, which has scrubbed its details.
  if (err instanceof StatusError) {
    const { code, message, details, reason, retryDelayMs, cause } = err;
    return new StatusError(code, scrub(message), details, {
      reason,
      retryDelayMs,
      cause: scrubCause(cause, scrub, CAUSES_MAX),
    });
  }
  return err instanceof ServiceError
    ? new ServiceError(err.reason, scrub(err.message), scrubDetails(err.details, scrub), {
        cause: scrubCause(err.cause, scrub, CAUSES_MAX),
      })
    : scrubCause(err, scrub, CAUSES_MAX);
}

function scrubDetails(details: FailureDetails, scrub: Scrub): FailureDetails {
  const { metadata, violations, resource } = details;
  return {
    ...details,
    ...(metadata && { metadata: scrubDeep(metadata, scrub, DEPTH_MAX) as Record<string, string> }),
    ...(violations && {
      violations: violations.map(({ field, description }) => ({
        field: scrub(field),
        description: scrub(description),
      })),
    }),
    ...(resource && { resource: { type: resource.type, name: scrub(resource.name) } }),
  };
}

/** Keeps of an error what a log shows: its name, text and stack. Drivers hang whole queries on theirs. */
function scrubCause(err: unknown, scrub: Scrub, causesMax: number): unknown {
  if (!(err instanceof Error)) return scrubDeep(err, scrub, DEPTH_MAX);
  const cause = causesMax > 0 && err.cause !== undefined ? scrubCause(err.cause, scrub, causesMax - 1) : undefined;
  const copy = new Error(scrub(err.message), { cause });
  copy.name = err.name;
  if (err.stack !== undefined) copy.stack = scrub(err.stack);
  return copy;
}

function scrubDeep(value: unknown, scrub: Scrub, depth: number): unknown {
  if (typeof value === 'string') return scrub(value);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const text = String(value);
    return scrub(text) === text ? value : HIDDEN;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return scrubCause(value, scrub, CAUSES_MAX);
  if (depth === 0 || value instanceof Uint8Array) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => scrubDeep(item, scrub, depth - 1));
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, item]: [unknown, unknown]) => [scrub(String(key)), scrubDeep(item, scrub, depth - 1)]),
  );
}

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

/** Gives a log that writes none of the values, whatever a handler hands it. They are asked for with each line. */
export function scrubbingLog(log: Logger, scrubNow: () => Scrub): Logger {
  const scrubbing = Object.create(log) as Logger;
  for (const level of LEVELS) {
    const write = log[level].bind(log) as (...args: unknown[]) => void;
    scrubbing[level] = (...args: unknown[]) => {
      const scrub = scrubNow();
      write(...args.map((arg) => scrubDeep(arg, scrub, DEPTH_MAX)));
    };
  }
  const child = (bindings: Bindings) =>
    scrubbingLog(log.child(scrubDeep(bindings, scrubNow(), DEPTH_MAX) as Bindings), scrubNow);
  Object.defineProperty(scrubbing, 'child', { value: child });
  return scrubbing;
}
