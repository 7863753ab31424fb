import { expect } from 'chai';
import { RE2JS } from 're2js';
import { toLinearRegExp } from '../../../src/rpc/linear-pattern.js';
import { createRegexMatch } from '../../../src/rpc/regex-match.js';
import { createRandom } from '../../support/random.js';
import { seed } from '../../support/seed.js';

const PATTERNS = 10_000;
const TEXTS_EACH = 8;
/** Half a second where nothing else runs. */
const TEST_MS_MAX = 30_000;
const ITEMS = [
  'a',
  'b',
  '/',
  '\\.',
  '[a-c]',
  '[b-d/]',
  '[a-z0-9_.~-]',
  '[.]',
  '[-a]',
  '[\\]a]',
  'é',
  '.',
  '[^/]',
  '(a)',
  '(/[a-c]{0,3})',
  '(\\.b+)',
  '(a[b-d]*)',
  '(b(/a?){2})',
  '(a?b)',
  '([a-c]{200})',
  '()',
  '(?:a)',
  '(a|b)',
  '\\d',
];
const QUANTIFIERS = ['', '', '', '*', '+', '?', '{2}', '{0,3}', '{1,}', '{3,1}', '{0}', '{,2}', '*?', '{2000}'];
const CHARACTERS = ['a', 'b', 'c', 'd', '/', '.', '-', ']', '\n', 'é', '\u{1F600}', '2'];

describe('toLinearRegExp()', () => {
  it('takes the patterns of names', () => {
    for (const pattern of [
      '^collections/[a-z][a-z0-9-]{0,62}$',
      '^collections/[a-z][a-z0-9-]{0,62}/documents/[A-Za-z0-9_][A-Za-z0-9_.~-]{0,127}$',
      '^users/[a-z0-9][a-z0-9_.-]{0,62}/sessions/[0-9a-f-]{36}$',
      '^[a-z][a-z0-9]{0,62}(\\.[a-z][a-zA-Z0-9]{0,62}){2}$',
      '^[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,127}(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]{0,127})*$',
    ]) {
      expect(toLinearRegExp(pattern), pattern).to.be.instanceOf(RegExp);
    }
  });

  it('takes none that has two ways to go', () => {
    for (const pattern of [
      '^(a+)+$',
      '^a*a*$',
      '^a*ab$',
      '^[a-z]*b?[a-z]*$',
      '^a+b*a+$',
      '^(a|a)*$',
      '^(a*)*$',
      '^(ab*)*b$',
      '^(ab?)+ab$',
      '^(a[ab]*)*$',
      '^(ba*)*a*$',
      '^((a+)b?)+$',
      '^(a?)+$',
      'a*$',
      '^a*',
      '^.*/$',
    ]) {
      expect(toLinearRegExp(pattern), pattern).to.equal(undefined);
    }
  });

  it('means what RE2 means', () => {
    const random = createRandom(seed());
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
    const several = (max: number, make: () => string) =>
      Array.from({ length: Math.floor(random() * max) }, make).join('');
    let taken = 0;
    for (let n = 0; n < PATTERNS; n += 1) {
      const pattern = `^${several(5, () => pick(ITEMS) + pick(QUANTIFIERS))}$`;
      const linear = toLinearRegExp(pattern);
      if (linear === undefined) continue;
      taken += 1;
      const re2 = RE2JS.compile(pattern);
      for (let m = 0; m < TEXTS_EACH; m += 1) {
        const text = several(8, () => pick(CHARACTERS));
        expect(linear.test(text), `${pattern} on ${JSON.stringify(text)}`).to.equal(re2.test(text));
      }
    }
    expect(taken).to.be.greaterThan(PATTERNS / 100);
  }).timeout(TEST_MS_MAX);
});

describe('the matcher of the patterns of contracts', () => {
  it('matches those that are left to RE2 too, and throws for what is none', () => {
    const matches = createRegexMatch();

    expect(matches('^(a|b)+$', 'abba')).to.equal(true);
    expect(matches('^(a|b)+$', 'abc')).to.equal(false);
    expect(matches('a.c', 'xabcx')).to.equal(true);
    expect(() => matches('^(a$', 'a')).to.throw();
    expect(() => matches('^a{3,1}$', 'a')).to.throw();
  });
});
