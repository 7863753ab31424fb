/** One character, or one of a class of them, and how often it stands there. */
interface Item {
  readonly characters: ReadonlySet<string>;
  readonly min: number;
  /** May be Infinity. */
  readonly max: number;
}

/** RE2 repeats no oftener, and refuses a pattern that asks for more. */
const REPEATS_MAX = 1000;

const PLAIN = /[A-Za-z0-9/_~:@ -]/.source;
const ESCAPED = /\\[.\-/+*?$^()[\]{}|\\]/.source;
const IN_CLASS = new RegExp(`${/[A-Za-z0-9/_~:@ .+*?$()|{}-]/.source}|${ESCAPED}`, 'y');
const LITERAL = new RegExp(`${PLAIN}|${ESCAPED}`, 'y');
const QUANTIFIER = /\*|\+|\?|\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/y;

/**
 * Compiles a pattern for the engine of the language, where that matches it in time that grows with the text alone: a row of
 * characters and classes from end to end, `^a[b-d]{0,9}/e+$`, in which what may repeat cannot also match what comes next. The engine
 * then never has two ways to go. Such patterns mean the same in RE2. Undefined for any other, which may be fast too, or not.
 */
export function toLinearRegExp(pattern: string): RegExp | undefined {
  if (!pattern.startsWith('^') || !pattern.endsWith('$')) return undefined;
  const items = readItems(pattern.slice(1, -1));
  if (items === undefined || !items.every((item, index) => isDecided(item, items[index + 1]))) return undefined;
  return new RegExp(pattern);
}

/** Whether one look at a character tells if the item goes on or the next begins. */
function isDecided({ characters, min, max }: Item, next: Item | undefined): boolean {
  if (min === max || next === undefined) return true;
  // What may be left out does not stand between.
  return next.min > 0 && ![...characters].some((character) => next.characters.has(character));
}

function readItems(row: string): readonly Item[] | undefined {
  const items: Item[] = [];
  for (let at = 0; at < row.length;) {
    const one = row[at] === '[' ? readClass(row, at) : readLiteral(row, at);
    if (one === undefined) return undefined;
    const { min, max, end } = readQuantifier(row, one.end);
    if (min > max || min > REPEATS_MAX || (max !== Infinity && max > REPEATS_MAX)) return undefined;
    items.push({ characters: one.characters, min, max });
    at = end;
  }
  return items;
}

interface Read {
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
