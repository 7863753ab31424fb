import { expect } from 'chai';
import { freezeDeep, remembering, rememberingBytes } from '../../../src/frozen/frozen.js';

describe('freezeDeep()', () => {
  it('makes plain data unchangeable through and through', () => {
    const bare = Object.assign(Object.create(null) as object, { d: {} });
    const data = { a: { b: [1, { c: 2 }] }, t: 'x', n: null, bare };

    expect(freezeDeep(data)).to.equal(true);

    for (const part of [data, data.a, data.a.b, data.a.b[1], bare, bare.d]) {
      expect(Object.isFrozen(part)).to.equal(true);
    }
    expect(() => data.a.b.push(3)).to.throw(TypeError);
  });

  it('leaves the data as it was for whoever looks at it', () => {
    const data = { a: [1], b: { c: 'x' } };
    const copy = structuredClone(data);

    freezeDeep(data);

    expect(data).to.deep.equal(copy);
    expect(Object.keys(data)).to.deep.equal(['a', 'b']);
    expect(JSON.stringify(data)).to.equal(JSON.stringify(copy));
  });

  for (const [what, part] of [
    ['a map', new Map()],
    ['a date', new Date()],
    ['bytes', Buffer.from('x')],
    ['a function', () => undefined],
  ] as const) {
    it(`tells of ${what} that it cannot be, and freezes nothing then`, () => {
      const data = { a: {}, list: [part] };

      expect(freezeDeep(data)).to.equal(false);

      expect([data, data.a, data.list].some(Object.isFrozen)).to.equal(false);
    });
  }

  it('does not take for frozen what was frozen at its surface', () => {
    const data = { inner: Object.freeze({ map: new Map() }) };

    expect(freezeDeep(data)).to.equal(false);
  });
});

describe('remembering()', () => {
  const counted = <T>(make: (source: { n: number }) => T) => {
    let calls = 0;
    const counting = (source: { n: number }) => {
      calls += 1;
      return make(source);
    };
    return { make: remembering(counting), calls: () => calls };
  };

  it('makes something of frozen data once, and frozen', () => {
    const { make, calls } = counted(({ n }) => ({ twice: [2 * n] }));
    const source = { n: 4 };
    freezeDeep(source);

    const made = make(source);

    expect(made).to.deep.equal({ twice: [8] });
    expect(make(source)).to.equal(made);
    expect(calls()).to.equal(1);
    expect(() => made.twice.push(9)).to.throw(TypeError);
  });

  it('makes it anew each time of data that can change, also if its surface is frozen', () => {
    const { make } = counted(({ n }) => ({ n }));
    const source = { n: 1 };

    expect(make(source)).to.deep.equal({ n: 1 });
    source.n = 2;
    expect(make(Object.freeze(source))).to.deep.equal({ n: 2 });
    expect(make(source)).not.to.equal(make(source));
  });

  it('makes it anew each time where the result can change', () => {
    const { make, calls } = counted(() => new Map());
    const source = { n: 1 };
    freezeDeep(source);

    expect(make(source)).not.to.equal(make(source));
    expect(calls()).to.equal(2);
  });

  it('keeps what several functions make of the same data apart', () => {
    const source = { n: 1 };
    freezeDeep(source);
    const one = remembering(({ n }: typeof source) => ({ one: n }));
    const other = remembering(({ n }: typeof source) => ({ other: n }));

    for (let round = 0; round < 2; round += 1) {
      expect(one(source)).to.deep.equal({ one: 1 });
      expect(other(source)).to.deep.equal({ other: 1 });
    }
  });

  it('keeps what is made of a result as well', () => {
    const source = { n: 1 };
    freezeDeep(source);
    const first = remembering(({ n }: typeof source) => ({ n }));
    const bytes = rememberingBytes((made) => Buffer.from(JSON.stringify(made)));

    expect(bytes(first(source))).to.equal(bytes(first(source)));
    expect(bytes({ n: 1 })).not.to.equal(bytes({ n: 1 }));
  });
});
