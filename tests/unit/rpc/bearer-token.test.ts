import { expect } from 'chai';
import { createBearerReader } from '../../../src/rpc/bearer-token.js';

describe('createBearerReader()', () => {
  const read = createBearerReader();

  it('gives the token, however the scheme is written, and again when asked again', () => {
    for (let round = 0; round < 2; round += 1) {
      expect(read('Bearer abc')).to.equal('abc');
      expect(read('bearer   abc')).to.equal('abc');
      expect(read('BEARER a.b-c_d~e+f/g=')).to.equal('a.b-c_d~e+f/g=');
    }
  });

  it('gives nothing where there is no token, or more than one', () => {
    for (const header of ['', 'Bearer', 'Bearer ', 'Basic abc', 'Bearerabc', 'Bearer a b', ' Bearer a', 'Bearer a\n']) {
      expect(read(header), header).to.equal(undefined);
    }
  });

  it('gives the tokens of more headers than it remembers, and of long ones', () => {
    for (let i = 0; i < 3000; i += 1) expect(read(`Bearer t${i % 1700}`)).to.equal(`t${i % 1700}`);
    const long = 'x'.repeat(10_000);
    expect(read(`Bearer ${long}`)).to.equal(long);
    expect(read(`Bearer ${long}y`)).to.equal(`${long}y`);
  });
});
