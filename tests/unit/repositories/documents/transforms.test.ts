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
