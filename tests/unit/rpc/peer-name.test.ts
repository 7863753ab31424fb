import { expect } from 'chai';
import { parseUriNames } from '../../../src/rpc/peer-name.js';

describe('parseUriNames()', () => {
  for (const [names, uris] of [
    ['', []],
    ['DNS:example.org, URI:spiffe://a/b, IP Address:127.0.0.1', ['spiffe://a/b']],
    ['URI:spiffe://a/b, URI:spiffe://a/c', ['spiffe://a/b', 'spiffe://a/c']],
    ['DNS:"x, URI:spiffe://forged"', []],
    ['URI:"spiffe://a/b,c"', ['spiffe://a/b,c']],
  ] as const) {
    it(`finds ${uris.length} in "${names}"`, () => {
      expect(parseUriNames(names)).to.deep.equal(uris);
    });
  }
});
