import { expect } from 'chai';
import { matchesPieces } from '../../../../src/store/query/wildcard.js';
import { createRandom } from '../../../support/random-queries.js';
import { seed } from '../../../support/seed.js';

describe('matchesPieces()', () => {
  const cases: readonly [text: string, pieces: readonly string[], expected: boolean][] = [
    ['', [''], true],
    ['', ['', ''], true],
    ['abc', ['abc'], true],
    ['abc', ['ab'], false],
    ['abc', ['a', ''], true],
    ['abc', ['', 'c'], true],
    ['aba', ['ab', 'ba'], false],
    ['abab', ['ab', 'ab'], true],
    ['abcabc', ['a', 'ca', 'c'], true],
    ['abc', ['', 'c', 'c'], false],
    ['a\0b', ['a', 'b'], true],
    ['x\u{1f600}y', ['x', '\u{1f600}', 'y'], true],
  ];
  for (const [text, pieces, expected] of cases) {
    it(`says ${expected} for ${JSON.stringify(text)} and ${JSON.stringify(pieces.join('*'))}`, () => {
      expect(matchesPieces(text, pieces)).to.equal(expected);
    });
  }

  it('finds long pieces where indexOf does', () => {
    const random = createRandom(seed());
    const word = (length: number) => Array.from({ length }, () => random.pick(['a', 'a', 'b'])).join('');
    for (let count = 0; count < 2_000; count += 1) {
      const text = word(60);
      const piece = random.below(2) === 0 ? word(18) : text.slice(random.below(20), 20 + random.below(40));
      expect(matchesPieces(text, ['', piece, '']), `${text} ${piece}`).to.equal(text.includes(piece));
    }
  });

  it('takes a time that grows with the text only, however its pieces are made', () => {
    const text = 'a'.repeat(1024 * 1024);
    const began = performance.now();
    expect(matchesPieces(text, ['', `b${'a'.repeat(4_000)}`, ''])).to.equal(false);
    expect(matchesPieces(text, ['', `${'a'.repeat(4_000)}b`, ''])).to.equal(false);
    expect(performance.now() - began).to.be.lessThan(500);
  });
});
