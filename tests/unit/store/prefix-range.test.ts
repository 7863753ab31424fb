import { expect } from 'chai';
import fc from 'fast-check';
import { prefixEnd } from '../../../src/store/prefix-range.js';
import { seed } from '../../support/seed.js';

describe('prefixEnd()', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['', undefined],
    ['a', 'b'],
    ['a/', 'a0'],
    ['\uD7FF', '\uE000'],
    ['a\u{10FFFF}', 'b'],
    ['\u{10FFFF}', undefined],
  ];
  for (const [prefix, end] of cases) {
    it(`gives ${JSON.stringify(end)} for ${JSON.stringify(prefix)}`, () => expect(prefixEnd(prefix)).to.equal(end));
  }

  it('lies behind every text with the prefix, and before every other text that is greater', () => {
    const text = fc.string({ unit: 'binary', maxLength: 4 });
    const holds = (prefix: string, other: string) => {
      const end = prefixEnd(prefix);
      const isInRange = compare(other, prefix) >= 0 && (end === undefined || compare(other, end) < 0);
      return isInRange === other.startsWith(prefix);
    };
    fc.assert(
      fc.property(text, text, fc.boolean(), (prefix, rest, isInside) => holds(prefix, isInside ? prefix + rest : rest)),
      { seed: seed() },
    );
  });
});

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
