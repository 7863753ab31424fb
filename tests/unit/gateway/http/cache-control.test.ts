import { expect } from 'chai';
import { cachingHeaders } from '../../../../src/gateway/http/cache-control.js';

function withMaxAge(maxAgeMs: number, scope: 'private' | 'public') {
  return { cache: { consistency: 'linearizable', http: { maxAgeMs, scope } } } as const;
}

describe('cachingHeaders()', () => {
  it('lets nobody keep an answer that the contract says nothing about', () => {
    expect(cachingHeaders({}, { isVersioned: false })).to.deep.equal({});
  });

  it('lets the browser keep a version, and makes it ask each time', () => {
    const expected = { 'cache-control': 'private, no-cache', vary: 'authorization' };
    expect(cachingHeaders({}, { isVersioned: true })).to.deep.equal(expected);
  });

  it('says for how long, in whole seconds, where the contract does', () => {
    const expected = { 'cache-control': 'private, max-age=1', vary: 'authorization' };
    expect(cachingHeaders(withMaxAge(1900, 'private'), { isVersioned: true })).to.deep.equal(expected);
  });

  it('lets caches of many callers keep what everybody may see', () => {
    const expected = { 'cache-control': 'public, max-age=60' };
    expect(cachingHeaders(withMaxAge(60_000, 'public'), { isVersioned: false })).to.deep.equal(expected);
  });
});
