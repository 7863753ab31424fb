import { expect } from 'chai';
import { decodeToken, encodeToken } from '../../../src/ledger/token.js';

const DATABASE = '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a11';
const OTHER = '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a12';

describe('decodeToken()', () => {
  it('gives the revision that was encoded', () => {
    for (const revision of [0, 1, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      expect(decodeToken(DATABASE, encodeToken(DATABASE, revision))).to.equal(revision);
    }
  });

  it('refuses a token of another database', () => {
    expect(() => decodeToken(OTHER, encodeToken(DATABASE, 1)))
      .to.throw()
      .with.property('reason', 'WRONG_DATABASE');
  });

  for (const token of [
    '',
    'x',
    'null',
    encodeToken(DATABASE, -1),
    encodeToken(DATABASE, 1.5),
    encodeToken('nowhere', 1),
  ]) {
    it(`refuses ${JSON.stringify(token)}`, () => {
      expect(() => decodeToken(DATABASE, token))
        .to.throw()
        .with.property('reason', 'MALFORMED_TOKEN');
    });
  }
});
