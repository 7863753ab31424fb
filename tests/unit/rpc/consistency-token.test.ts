import { expect } from 'chai';
import { decodeToken, encodeToken, newerToken } from '../../../src/rpc/consistency-token.js';

const DATABASE = '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a11';
const OTHER = '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a12';

function tokenOf(revision: number, databaseId = DATABASE): string {
  return encodeToken({ databaseId, revision });
}

describe('decodeToken()', () => {
  it('gives what was encoded', () => {
    for (const revision of [0, 1, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      expect(decodeToken(tokenOf(revision))).to.deep.equal({ databaseId: DATABASE, revision });
    }
  });

  for (const token of ['', 'x', 'null', tokenOf(-1), tokenOf(1.5), tokenOf(2 ** 53), tokenOf(1, 'nowhere')]) {
    it(`gives undefined for ${JSON.stringify(token)}`, () => {
      expect(decodeToken(token)).to.equal(undefined);
    });
  }
});

describe('newerToken()', () => {
  it('gives the one of the later revision, in any order', () => {
    expect(newerToken(tokenOf(9), tokenOf(10))).to.equal(tokenOf(10));
    expect(newerToken(tokenOf(10), tokenOf(9))).to.equal(tokenOf(10));
  });

  it('gives the one that is there', () => {
    expect(newerToken(undefined, tokenOf(1))).to.equal(tokenOf(1));
    expect(newerToken(tokenOf(1), undefined)).to.equal(tokenOf(1));
    expect(newerToken(undefined, undefined)).to.equal(undefined);
  });

  it('gives the second where they are of two databases', () => {
    expect(newerToken(tokenOf(9), tokenOf(1, OTHER))).to.equal(tokenOf(1, OTHER));
  });
});
