import { expect } from 'chai';
import type { JsonValue } from '../../../src/store/json-value.js';
import { weightOf } from '../../../src/store/weight.js';

describe('weightOf()', () => {
  for (const value of [
    'x'.repeat(1000),
    '€'.repeat(1000),
    Array.from({ length: 100 }, (_, n) => n),
    { a: { b: [null, true, { c: 'd' }] } },
  ] as const satisfies JsonValue[]) {
    it(`is more than the JSON, half as much again, of ${JSON.stringify(value).slice(0, 20)}`, () => {
      expect(weightOf(value)).to.be.greaterThan(1.5 * Buffer.byteLength(JSON.stringify(value)));
    });
  }

  it('grows with every part', () => {
    expect(weightOf({ a: [1] })).to.be.greaterThan(weightOf({ a: [] }));
    expect(weightOf({ a: 1, b: 1 })).to.be.greaterThan(weightOf({ a: 1 }));
    expect(weightOf({ long: 1 })).to.be.greaterThan(weightOf({ l: 1 }));
    expect(weightOf('ab')).to.be.greaterThan(weightOf('a'));
  });
});
