import { expect } from 'chai';
import { applyFieldMask, FieldMaskError, parseFieldPath } from '../../../src/repositories/field-mask.js';

describe('parseFieldPath()', () => {
  const cases: readonly [path: string, parts: string[]][] = [
    ['fields', ['fields']],
    ['fields.address.city', ['fields', 'address', 'city']],
    ['fields.`a.b`.c', ['fields', 'a.b', 'c']],
    ['fields.`tick``tick`', ['fields', 'tick`tick']],
    ['fields.``', ['fields', '']],
    ['fields.__proto__', ['fields', '__proto__']],
    ['fields.0', ['fields', '0']],
  ];
  for (const [path, parts] of cases) {
    it(`splits ${path}`, () => {
      expect(parseFieldPath(path)).to.deep.equal(parts);
    });
  }

  for (const path of ['', '.', 'a.', '.a', 'a..b', 'a b', 'fields.`open', 'fields.x-y', 'fields.*']) {
    it(`refuses "${path}" and names it`, () => {
      expect(() => parseFieldPath(path)).to.throw(FieldMaskError, `"${path}"`);
    });
  }
});

describe('applyFieldMask()', () => {
  const target = { fields: { a: 1, b: { c: 2, d: 3 }, list: [1, 2] } };

  it('takes a whole value', () => {
    expect(applyFieldMask(target, { fields: { b: { x: 1 } } }, ['fields.b'])).to.deep.equal({
      fields: { a: 1, b: { x: 1 }, list: [1, 2] },
    });
  });

  it('takes a part and leaves its neighbours', () => {
    expect(applyFieldMask(target, { fields: { b: { c: 9, d: 9 } } }, ['fields.b.c'])).to.deep.equal({
      fields: { a: 1, b: { c: 9, d: 3 }, list: [1, 2] },
    });
  });

  it('removes what the source lacks', () => {
    expect(applyFieldMask(target, { fields: {} }, ['fields.a', 'fields.b.c'])).to.deep.equal({
      fields: { b: { d: 3 }, list: [1, 2] },
    });
  });

  it('makes the objects on the way to a new part', () => {
    expect(applyFieldMask({ fields: {} }, { fields: { x: { y: { z: 1 } } } }, ['fields.x.y.z'])).to.deep.equal({
      fields: { x: { y: { z: 1 } } },
    });
  });

  it('makes no object to remove something from it', () => {
    expect(applyFieldMask({ fields: {} }, { fields: {} }, ['fields.x.y'])).to.deep.equal({ fields: {} });
  });

  it('treats a key "__proto__" as any other', () => {
    const source = JSON.parse('{"fields": {"__proto__": {"polluted": true}}}') as { fields: object };

    const result = applyFieldMask({ fields: {} }, source as never, ['fields.__proto__']);

    expect(JSON.stringify(result)).to.equal('{"fields":{"__proto__":{"polluted":true}}}');
    expect({}).not.to.have.property('polluted');
  });

  it('refuses a path through something that is no object', () => {
    expect(() => applyFieldMask(target, { fields: {} }, ['fields.list.0'])).to.throw(
      FieldMaskError,
      'goes through "list"',
    );
  });

  it('changes neither argument', () => {
    const before = JSON.stringify(target);

    applyFieldMask(target, { fields: { b: { c: 9 } } }, ['fields.b.c', 'fields.a']);

    expect(JSON.stringify(target)).to.equal(before);
  });
});
