import { expect } from 'chai';
import fc from 'fast-check';
import type { JsonObject } from '../../../../src/store/json-value.js';
import { escapeKeys, unescapeKeys } from '../../../../src/store/mongo/key-escape.js';
import { seed } from '../../../support/seed.js';

describe('escapeKeys()', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['a$b', 'a$b'],
    ['_id', '_id'],
    ['a.b', 'a%2Eb'],
    ['$where', '%24where'],
    ['100%', '100%25'],
    ['a\0b', 'a%00b'],
    ['_bsontype', '%5Fbsontype'],
    ['é', 'é'],
  ];
  for (const [key, stored] of cases) {
    it(`stores ${JSON.stringify(key)} as ${JSON.stringify(stored)}`, () => {
      expect(Object.keys(escapeKeys({ [key]: 1 }))).to.deep.equal([stored]);
    });
  }

  it('is undone by unescapeKeys(), whatever the value', () => {
    const key = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('$', '.', '%', '\0', '2', 'E', '_') }));
    const value = fc.dictionary(fc.oneof(key, fc.constant('__proto__'), fc.constant('_bsontype')), fc.jsonValue());
    fc.assert(
      fc.property(value, (object) => {
        const text = JSON.stringify(object);
        const parsed = JSON.parse(text) as JsonObject;
        return JSON.stringify(unescapeKeys(escapeKeys(parsed))) === text;
      }),
      { seed: seed() },
    );
  });

  it('leaves no key that a server would read as something else', () => {
    const keysOf = (value: JsonObject): string[] => Object.keys(escapeKeys(value));
    fc.assert(
      fc.property(fc.string(), (key) =>
        keysOf({ [key]: 1 }).every((stored) => !/^\$|[.]/.test(stored) && !stored.includes('\0')),
      ),
      { seed: seed() },
    );
  });
});
