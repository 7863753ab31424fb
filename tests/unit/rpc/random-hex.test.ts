import { expect } from 'chai';
import { randomHex } from '../../../src/rpc/random-hex.js';

describe('randomHex()', () => {
  it('gives as many bytes as asked for, each time others', () => {
    const ids = Array.from({ length: 2000 }, () => randomHex(16));
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).to.equal(true);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it('gives more than it draws at once', () => {
    expect(randomHex(5000)).to.match(/^[0-9a-f]{10000}$/);
  });
});
