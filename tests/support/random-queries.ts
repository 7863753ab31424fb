import type { JsonObject, JsonValue } from '../../src/store/json-value.js';

/** Random numbers from a seed (mulberry32). */
export interface Random {
  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number;
  pick<T>(items: readonly [T, ...T[]]): T;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const below = (end: number) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  };
  return { below, pick: (items) => items[below(items.length)] ?? items[0] };
}

export interface Vocabulary {
  readonly keys: readonly [string, ...string[]];
  readonly texts: readonly [string, ...string[]];
}

const PLAIN_KEYS = [
  'a',
  'b',
  'c',
  'a.b',
  '$where',
  '__proto__',
  '',
  'é',
  'e\u0301',
  '%',
  '"',
  "it's",
  '0',
  '\\',
  '`',
  'a*',
];
const PLAIN_TEXTS = [
  '',
  'a',
  'ab',
  'abc',
  'abab',
  'B',
  'é',
  'e\u0301',
  'a*b',
  '*',
  '5',
  'true',
  'null',
  '%',
  '[a]',
  '?',
  '\\',
  '"',
  "'",
  'a\nb',
  '^a$',
  '.',
  '$where',
  'ab\u{1f600}',
  '\u{1f600}',
];

/** What documents and filters are made of: few words, so that they meet, and those that engines stumble over. */
export function vocabularyFor({ ordersByUtf16 = false }: { readonly ordersByUtf16?: boolean | undefined }): Vocabulary {
  const beyond = ordersByUtf16 ? [] : ['\uffee', '\ue000a'];
  return { keys: ['a', ...PLAIN_KEYS], texts: ['a', ...PLAIN_TEXTS, ...beyond] };
}

const NUMBERS = [
  0,
  1,
  -1,
  1.5,
  2,
  5,
  0.1,
  0.1 + 0.2,
  5e-324,
  1.7976931348623157e308,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 60,
  1e21,
  -1e300,
  -1.890275124046407e-264,
  2.557173156391736e284,
  2.5571731563917355e284,
  0.3,
  123456789012345680000,
] as const;
const NUL = String.fromCharCode(0);

export function randomDocument(random: Random, vocabulary: Vocabulary): JsonObject {
  return randomObject(random, vocabulary, 3);
}

function randomObject(random: Random, vocabulary: Vocabulary, depth: number): JsonObject {
  const entries = Array.from({ length: random.below(5) }, () => {
    const key = random.below(40) === 0 ? `a${NUL}b` : random.pick(vocabulary.keys);
    return [random.below(2) === 0 ? random.pick(['a', 'b', 'c']) : key, randomValue(random, vocabulary, depth - 1)];
  });
  return Object.fromEntries(entries) as JsonObject;
}

function randomValue(random: Random, vocabulary: Vocabulary, depth: number): JsonValue {
  const kind = random.below(depth > 0 ? 10 : 6);
  if (kind >= 8) return Array.from({ length: random.below(4) }, () => randomValue(random, vocabulary, depth - 1));
  if (kind >= 6) return randomObject(random, vocabulary, depth);
  return randomScalar(random, vocabulary);
}

function randomScalar(random: Random, vocabulary: Vocabulary): JsonValue {
  switch (random.below(6)) {
    case 0:
      return null;
    case 1:
      return random.below(2) === 0;
    case 2:
    case 3:
      return random.pick(NUMBERS);
    default:
      return random.below(30) === 0 ? `a${NUL}b` : random.pick(vocabulary.texts);
  }
}

/** A filter of AIP-160 on `fields`. */
export function randomFilter(random: Random, vocabulary: Vocabulary, depth = 3): string {
  const kind = random.below(depth > 0 ? 8 : 4);
  const inner = () => randomFilter(random, vocabulary, depth - 1);
  switch (kind) {
    case 4:
      return `(${inner()}) AND (${inner()})`;
    case 5:
      return `(${inner()} OR ${inner()})`;
    case 6:
      return `NOT (${inner()})`;
    case 7:
      return `(-(${inner()}) (${inner()}))`;
    default:
      return randomComparison(random, vocabulary);
  }
}

function randomComparison(random: Random, vocabulary: Vocabulary): string {
  const names = Array.from({ length: 1 + random.below(3) }, () =>
    random.below(2) === 0 ? random.pick(['a', 'b', 'c']) : quote(random.pick(vocabulary.keys), '`'),
  );
  const path = ['fields', ...names].join('.');
  if (random.below(8) === 0) return `${path}:*`;
  if (random.below(6) === 0) return `${path} ${random.pick(['=', '!=', ':'])} ${randomPattern(random, vocabulary)}`;
  if (random.below(3) === 0)
    return `${path} ${random.pick(['<', '<=', '>', '>='])} ${randomOrdered(random, vocabulary)}`;
  return `${path} ${random.pick(['=', '!=', ':', ':'])} ${randomLiteral(random, vocabulary)}`;
}

function randomOrdered(random: Random, vocabulary: Vocabulary): string {
  return random.below(2) === 0 ? String(random.pick(NUMBERS)) : quote(random.pick(vocabulary.texts), '"');
}

function randomLiteral(random: Random, vocabulary: Vocabulary): string {
  return random.below(4) === 0 ? random.pick(['true', 'false', 'null', 'null']) : randomOrdered(random, vocabulary);
}

/** Pieces that begin and end alike, so that a text can be too short for both. */
const OVERLAPPING = ['', '', 'a', 'ab', 'b'] as const;

function randomPattern(random: Random, vocabulary: Vocabulary): string {
  const pieces = Array.from({ length: 2 + random.below(3) }, () =>
    quote(random.below(2) === 0 ? random.pick(OVERLAPPING) : random.pick(vocabulary.texts), '"').slice(1, -1),
  );
  return `"${pieces.join('*')}"`;
}

/** Writes a text in quotes, as a value in double ones or as a name in backticks. */
export function quote(text: string, mark: '"' | '`'): string {
  if (mark === '`') return `\`${text.replaceAll('`', '``')}\``;
  return `"${text.replaceAll(/["\\*]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
