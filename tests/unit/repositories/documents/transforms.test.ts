import { expect } from 'chai';
import { ContentError } from '../../../../src/repositories/documents/errors.js';
import { applyTransforms, type FieldTransform } from '../../../../src/repositories/documents/transforms.js';
import { FieldMaskError } from '../../../../src/repositories/field-mask.js';
import type { JsonObject } from '../../../../src/store/json-value.js';

const apply = (fields: JsonObject, ...transforms: FieldTransform[]) =>
  applyTransforms({ fields }, transforms, 0)['fields'];

describe('applyTransforms()', () => {
  it('takes what is no number for zero, and what is no list for an empty one', () => {
    expect(apply({ n: 'x' }, { field: 'fields.n', kind: 'increment', value: 2 })).to.deep.equal({ n: 2 });
    expect(apply({ n: 'x' }, { field: 'fields.n', kind: 'maximum', value: -2 })).to.deep.equal({ n: -2 });
    expect(apply({ l: 1 }, { field: 'fields.l', kind: 'removeAll', values: [1] })).to.deep.equal({ l: [] });
  });

  it('compares elements by their content, whatever the order of their keys', () => {
    const values = [{ b: 1, a: 2 }, 'y'];
    const list = apply({ l: [{ a: 2, b: 1 }] }, { field: 'fields.l', kind: 'appendMissing', values });

    expect(list).to.deep.equal({ l: [{ a: 2, b: 1 }, 'y'] });
  });

  it('sees what those before it made', () => {
    const twice = { field: 'fields.n', kind: 'increment', value: 1 } as const;

    expect(apply({}, twice, twice)).to.deep.equal({ n: 2 });
  });

  it('makes of fields that are missing what each kind makes of nothing, objects on the way included', () => {
    const fields = apply(
      { kept: true },
      { field: 'fields.a.sum', kind: 'increment', value: 2 },
      { field: 'fields.a.least', kind: 'minimum', value: 3 },
      { field: 'fields.a.most', kind: 'maximum', value: -3 },
      { field: 'fields.a.added', kind: 'appendMissing', values: [1, 1] },
      { field: 'fields.a.removed', kind: 'removeAll', values: [1] },
      { field: 'fields.a.`at.once`', kind: 'serverTime' },
    );

    const at = '1970-01-01T00:00:00.000Z';
    const a = { sum: 2, least: 3, most: -3, added: [1], removed: [], 'at.once': at };
    expect(fields).to.deep.equal({ kept: true, a });
  });

  it('appends what it removed before, and removes what it appended, as often as that is asked for', () => {
    const append = (...values: number[]) => ({ field: 'fields.l', kind: 'appendMissing', values }) as const;
    const remove = (...values: number[]) => ({ field: 'fields.l', kind: 'removeAll', values }) as const;

    const fields = apply(
      { l: [1, 2, 1, 3] },
      append(4, 1),
      remove(1, 5),
      append(1, 2),
      remove(2),
      append(2, 2),
      remove(9),
    );

    expect(fields).to.deep.equal({ l: [3, 4, 1, 2] });
  });

  it('changes a long list many times without reading all of it as often', () => {
    let reads = 0;
    // An element that counts how often its content is looked at.
    const item = new Proxy({ k: 1 }, { ownKeys: (target) => ((reads += 1), Reflect.ownKeys(target)) });
    const readsOf = (times: number) => {
      reads = 0;
      const changes = Array.from({ length: times }, (_, n): FieldTransform[] => [
        { field: 'fields.l', kind: 'appendMissing', values: [n] },
        { field: 'fields.l', kind: 'removeAll', values: [n] },
      ]);
      apply({ l: [item, item] }, ...changes.flat());
      return reads;
    };

    expect(readsOf(1)).to.be.above(0);
    expect(readsOf(32)).to.equal(readsOf(1));
  });

  it('takes numbers for doubles: a sum is the double that is nearest', () => {
    const add = (n: number, value: number) => apply({ n }, { field: 'fields.n', kind: 'increment', value });
    expect(add(Number.MAX_SAFE_INTEGER, 1)).to.deep.equal({ n: 2 ** 53 });
    expect(add(2 ** 53, 1)).to.deep.equal({ n: 2 ** 53 });
    expect(add(2 ** 63, -(2 ** 62))).to.deep.equal({ n: 2 ** 62 });
  });

  it('refuses a sum that JSON cannot hold, and paths that lead nowhere', () => {
    const big = { field: 'fields.n', kind: 'increment', value: Number.MAX_VALUE } as const;
    expect(() => apply({ n: Number.MAX_VALUE }, big)).to.throw(ContentError);
    expect(() => apply({}, { field: 'name', kind: 'serverTime' })).to.throw(ContentError);
    expect(() => apply({ a: 1 }, { field: 'fields.a.b', kind: 'serverTime' })).to.throw(FieldMaskError);
  });

  it('keeps a key that is the name of the prototype a key', () => {
    const changed = apply({}, { field: 'fields.__proto__.polluted', kind: 'increment', value: 1 });

    expect(Object.keys(changed ?? {})).to.deep.equal(['__proto__']);
    expect(Reflect.get({}, 'polluted')).to.equal(undefined);
  });
});
