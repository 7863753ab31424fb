/** A character, a class of them, or a row of these in brackets, and how often it stands there. */
interface Item {
  /** The characters that it can begin with. */
  readonly first: ReadonlySet<string>;
  /** Those with which it may go on where it may also have ended. */
  readonly goesOn: ReadonlySet<string>;
  readonly min: number;
  /** How often RE2 writes out what repeats. */
  readonly copies: number;
}

/** RE2 repeats no oftener, and refuses a pattern that asks for more. */
const REPEATS_MAX = 1000;

const NONE: ReadonlySet<string> = new Set();

const PLAIN = /[A-Za-z0-9/_~:@ -]/.source;
const ESCAPED = /\\[.\-/+*?$^()[\]{}|\\]/.source;
const IN_CLASS = new RegExp(`${/[A-Za-z0-9/_~:@ .+*?$()|{}-]/.source}|${ESCAPED}`, 'y');
const LITERAL = new RegExp(`${PLAIN}|${ESCAPED}`, 'y');
const QUANTIFIER = /\*|\+|\?|\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/y;

/**
 * Compiles a pattern for the engine of the language, where that matches it in time that grows with the text alone: a row of
 * characters, classes and rows in brackets from end to end, `^a[b-d]{0,9}(/e+)*$`, in which what may repeat cannot also match what
 * comes next. The engine then never has two ways to go. Such patterns mean the same in RE2. Undefined for any other, which may be
 * fast too, or not.
 */
export function toLinearRegExp(pattern: string): RegExp | undefined {
  if (!pattern.startsWith('^') || !pattern.endsWith('$')) return undefined;
  const row = pattern.slice(1, -1);
  return readRow(row, 0)?.end === row.length ? new RegExp(pattern) : undefined;
}

/** Whether one look at a character always tells if an item goes on or what is behind it begins. */
function isDecided(items: readonly Item[]): boolean {
  let behind = NONE;
  for (const { first, goesOn, min } of items.toReversed()) {
    if (!areApart(goesOn, behind)) return false;
    behind = min > 0 ? first : union(first, behind);
  }
  return true;
}

/** With what a row may go on where it may also have ended. */
function tailOf(items: readonly Item[]): ReadonlySet<string> {
  const needed = items.findLastIndex(({ min }) => min > 0);
  return items.slice(Math.max(0, needed)).reduce((tail, { goesOn }) => union(tail, goesOn), NONE);
}

function union(some: ReadonlySet<string>, others: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...some, ...others]);
}

function areApart(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return ![...some].some((character) => others.has(character));
}

interface Row {
  readonly items: readonly Item[];
  /** Where it ends: behind the last character, or at a bracket. */
  readonly end: number;
}

/** Reads a row in which all is decided, up to its end. */
function readRow(text: string, start: number): Row | undefined {
  const items: Item[] = [];
  let at = start;
  while (at < text.length && text[at] !== ')') {
    const read = readItem(text, at);
    if (read === undefined) return undefined;
    items.push(read.item);
    at = read.end;
  }
  return isDecided(items) ? { items, end: at } : undefined;
}

function readItem(text: string, at: number): { item: Item; end: number } | undefined {
  const group = text[at] === '(' ? readGroup(text, at) : undefined;
  const one = text[at] === '(' ? group : text[at] === '[' ? readClass(text, at) : readLiteral(text, at);
  if (one === undefined) return undefined;
  const { min, max, end } = readQuantifier(text, one.end);
  const copies = (group?.copies ?? 1) * Math.max(1, max === Infinity ? min : max);
  if (min > max || copies > REPEATS_MAX) return undefined;
  const tail = group?.goesOn ?? NONE;
  // Another round must not look like more of the one before.
  if (max > 1 && !areApart(tail, one.characters)) return undefined;
  const goesOn = min === max ? tail : union(tail, one.characters);
  return { item: { first: one.characters, goesOn, min, copies }, end };
}

interface Group extends Read {
  readonly goesOn: ReadonlySet<string>;
  readonly copies: number;
}

/** Reads a row in brackets, which must have something in it. */
function readGroup(text: string, start: number): Group | undefined {
  const row = readRow(text, start + 1);
  const [first] = row?.items ?? [];
  if (row === undefined || first === undefined) return undefined;
  if (text[row.end] !== ')' || first.min === 0) return undefined;
  const copies = Math.max(...row.items.map((item) => item.copies));
  return { characters: first.first, goesOn: tailOf(row.items), copies, end: row.end + 1 };
}

interface Read {
  /** What it begins with. */
  readonly characters: ReadonlySet<string>;
  readonly end: number;
}

function readLiteral(row: string, at: number): Read | undefined {
  const [text] = matchAt(LITERAL, row, at) ?? [];
  return text === undefined ? undefined : { characters: new Set(text.slice(-1)), end: at + text.length };
}

function readClass(row: string, start: number): Read | undefined {
  const characters = new Set<string>();
  let at = start + 1;
  while (row[at] !== ']') {
    const [from] = matchAt(IN_CLASS, row, at) ?? [];
    if (from === undefined) return undefined;
    at += from.length;
    const isRange = row[at] === '-' && row[at + 1] !== ']';
    const [to] = isRange ? (matchAt(IN_CLASS, row, at + 1) ?? []) : [from];
    if (to === undefined) return undefined;
    if (isRange) at += 1 + to.length;
    if (from.slice(-1) > to.slice(-1)) return undefined;
    addRange(characters, from.slice(-1), to.slice(-1));
  }
  return characters.size === 0 ? undefined : { characters, end: at + 1 };
}

function addRange(characters: Set<string>, from: string, to: string): void {
  for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code += 1) characters.add(String.fromCharCode(code));
}

function readQuantifier(row: string, at: number): { min: number; max: number; end: number } {
  const [text = '', min, comma, max] = matchAt(QUANTIFIER, row, at) ?? [];
  const end = at + text.length;
  switch (text[0]) {
    case '*':
      return { min: 0, max: Infinity, end };
    case '+':
      return { min: 1, max: Infinity, end };
    case '?':
      return { min: 0, max: 1, end };
    case '{':
      return { min: Number(min), max: comma === undefined ? Number(min) : Number(max ?? Infinity), end };
    default:
      return { min: 1, max: 1, end };
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
