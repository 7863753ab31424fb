import { expect } from 'chai';
import type { JsonValue } from '../../../../src/store/json-value.js';
import { compareCodePoints } from '../../../../src/store/query/code-points.js';
import { comparePlaces, sortKeyOf } from '../../../../src/store/query/order.js';

describe('comparePlaces()', () => {
  const ascending: readonly (JsonValue | undefined)[] = [
    undefined,
    null,
    false,
    true,
    -1e300,
    -1,
    0,
    5e-324,
    1,
    1e300,
    '',
    'a',
    'ab',
    'b',
    'é',
    '\uffee',
    '\u{1f600}',
    [],
    {},
  ];
  const field = { field: { kind: 'value', keys: ['a'] }, descending: false } as const;
  const place = (value: JsonValue | undefined, id = 'x') => ({ id, keys: [sortKeyOf(value)] });

  it('puts values of all types into one order', () => {
    for (const [index, value] of ascending.entries()) {
      for (const [otherIndex, other] of ascending.entries()) {
        const compared = comparePlaces(place(value), place(other), [field]);
        expect(Math.sign(compared), JSON.stringify([value, other])).to.equal(Math.sign(index - otherIndex));
      }
    }
  });

  it('lets ids decide between equals, in the direction of the last field', () => {
    expect(comparePlaces(place([1], 'a'), place([2], 'b'), [field])).to.be.lessThan(0);
    expect(comparePlaces(place([1], 'a'), place([2], 'b'), [{ ...field, descending: true }])).to.be.greaterThan(0);
  });
});

describe('compareCodePoints()', () => {
  it('agrees with the order of UTF-8', () => {
    const texts = [
      '',
      'a',
      'b',
      '\u007f',
      '\u0080',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '\u{10000}',
      '\u{10ffff}',
      'a\u{10000}',
      'a\uffff',
    ];
    for (const a of texts) {
      for (const b of texts) {
        const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareCodePoints(a, b)), JSON.stringify([a, b])).to.equal(bytes);
      }
    }
  });
});
