import { expect } from 'chai';
import fc from 'fast-check';
import { checkJsonText, JsonTextError, JSON_VALUES_MAX } from '../../../../src/gateway/message/json-text.js';
import { seed } from '../../../support/seed.js';

function accepts(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

describe('checkJsonText()', () => {
  it('accepts what JSON.stringify writes', () => {
    const value = fc
      .jsonValue({ maxDepth: 6, stringUnit: 'grapheme' })
      .map((json) => JSON.stringify(json, undefined, 1));
    const property = fc.property(value, (text) => accepts(() => checkJsonText(text, '')));
    fc.assert(property, { seed: seed(), numRuns: 1000 });
  });

  it('accepts nothing that JSON.parse refuses, and refuses nothing that it accepts but for what it says', () => {
    const snippet = fc.constantFrom(
      ...Array.from('{}[]",:\\ \n-+.eE019u'),
      '"a"',
      '"b":',
      'true',
      'null',
      'fals',
      '\\u00',
      '1e9',
    );
    const text = fc.array(snippet, { maxLength: 12 }).map((parts) => parts.join(''));
    const property = fc.property(text, (json) => {
      try {
        checkJsonText(json, '');
      } catch (err) {
        // Beyond JSON, it refuses names that stand twice; all else must be no JSON at all.
        const isOwnRule = err instanceof JsonTextError && /^stands twice|^is a number/.test(err.message);
        return isOwnRule || !accepts(() => JSON.parse(json));
      }
      return accepts(() => JSON.parse(json));
    });
    fc.assert(property, { seed: seed(), numRuns: 20_000 });
  });

  it('tells of integers that a double cannot hold', () => {
    const facts = (text: string) => checkJsonText(text, '').hasUnsafeInteger;
    expect(facts('[9007199254740993]')).to.equal(true);
    expect(facts('[-1e300]')).to.equal(true);
    expect(facts('[9007199254740991, 0.5, "9007199254740993"]')).to.equal(false);
  });

  it('counts values, for each costs more than its bytes', () => {
    const listOf = (count: number) => `[${Array<string>(count).fill('1').join(',')}]`;
    // The list itself is one.
    expect(checkJsonText(listOf(JSON_VALUES_MAX - 1), '').hasUnsafeInteger).to.equal(false);
    expect(() => checkJsonText(listOf(JSON_VALUES_MAX), '')).to.throw(JsonTextError, 'more than 250000 JSON values');
  });
});
