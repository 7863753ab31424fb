/**
 * Compares texts by code point, which is the byte order of UTF-8 and what both engines go by. JavaScript's own `<`
 * compares UTF-16 and puts what is beyond the basic plane before U+E000.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

const SURROGATES_BEGIN = 0xd800;
const SURROGATES_END = 0xe000;
const BEYOND_ALL = 0x10000;

// Halves of a pair stand for code points behind all others.
function rank(unit: number): number {
  return unit >= SURROGATES_BEGIN && unit < SURROGATES_END ? unit + BEYOND_ALL : unit;
}
