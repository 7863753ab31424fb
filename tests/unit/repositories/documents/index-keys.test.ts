import { expect } from 'chai';
import fc from 'fast-check';
import { indexKeyOf, uniqueKeyOf } from '../../../../src/repositories/documents/index-keys.js';
import type { JsonValue } from '../../../../src/store/json-value.js';
import type { OrderField } from '../../../../src/store/query/condition.js';
import { comparePlaces, placeOf } from '../../../../src/store/query/order.js';
import type { StateDocument } from '../../../../src/store/state.js';
import { seed } from '../../../support/seed.js';

const document = (id: string, values: Record<string, JsonValue>): StateDocument => ({
  collection: 'documents',
  id: `collections/c/documents/${id}`,
  value: { fields: values },
  revision: 1,
  createRevision: 1,
  createTime: 0,
  updateTime: 0,
});
const field = (key: string, descending: boolean): OrderField => ({
  field: { kind: 'value', keys: ['fields', key] },
  descending,
});

const anyValue = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
  fc.integer({ min: -3, max: 3 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', 'a', 'a\0', 'ab', '~', '!', null, true, false),
  fc.array(fc.integer(), { maxLength: 1 }),
  fc.constant({}),
);
const anyDocument = fc
  .tuple(
    fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.~-]{0,5}$/),
    fc.dictionary(fc.constantFrom('a', 'b'), anyValue, { noNullPrototype: true }),
  )
  .map(([id, values]) => document(id, values));

describe('indexKeyOf()', () => {
  it('stands to other keys as the documents stand in the order, whatever their values', () => {
    fc.assert(
      fc.property(anyDocument, anyDocument, fc.boolean(), fc.boolean(), (left, right, first, second) => {
        const order = [field('a', first), field('b', second)];
        const places = Math.sign(comparePlaces(placeOf(left, order), placeOf(right, order), order));
        const a = indexKeyOf(left, order);
        const b = indexKeyOf(right, order);
        expect(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))).to.equal(places);
      }),
      { seed: seed(), numRuns: 3_000 },
    );
  });

  it('has no character that a name or an engine takes for something else', () => {
    const key = indexKeyOf(document('d', { a: 'x/y\0\u{1f600}', b: '$where' }), [field('a', false), field('b', true)]);

    expect(key).to.match(/^[!-.0-~]+$/);
  });
});

describe('uniqueKeyOf()', () => {
  it('is the same for equal values only, whatever the order of their keys', () => {
    const order = [field('a', false)];
    const keyOf = (a: JsonValue) => uniqueKeyOf(document('d', { a }), order);

    expect(keyOf({ x: 1, y: [2] })).to.equal(keyOf({ y: [2], x: 1 }));
    expect(new Set([keyOf({ x: 1 }), keyOf([1]), keyOf('1'), keyOf(1), keyOf(null)]).size).to.equal(5);
    expect(uniqueKeyOf(document('d', {}), order)).not.to.equal(keyOf(null));
  });
});
