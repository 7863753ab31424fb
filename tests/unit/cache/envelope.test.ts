import { expect } from 'chai';
import { createEnvelopes } from '../../../src/cache/envelope.js';

const envelopes = createEnvelopes(Buffer.alloc(32, 1));
const sealed = envelopes.seal('documents/a', { revision: 2 ** 50, bytes: Buffer.from('{"n":1}') });

describe('open()', () => {
  it('gives back what was sealed', () => {
    const opened = envelopes.open('documents/a', sealed);

    expect(opened?.revision).to.equal(2 ** 50);
    expect(Buffer.from(opened?.bytes ?? []).toString()).to.equal('{"n":1}');
  });

  it('tells that there was nothing from that there was an empty value', () => {
    const nothing = envelopes.seal('a', { revision: 1, bytes: undefined });
    const empty = envelopes.seal('a', { revision: 1, bytes: Buffer.alloc(0) });

    expect(envelopes.open('a', nothing)).to.deep.equal({ revision: 1, bytes: undefined });
    expect(envelopes.open('a', empty)?.bytes).to.have.length(0);
  });

  it('refuses it under another key, and with another secret', () => {
    expect(envelopes.open('documents/b', sealed)).to.equal(undefined);
    expect(createEnvelopes(Buffer.alloc(32, 2)).open('documents/a', sealed)).to.equal(undefined);
  });

  it('refuses it with any bit changed, and cut anywhere', () => {
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(envelopes.open('documents/a', changed), `bit ${bit}`).to.equal(undefined);
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(envelopes.open('documents/a', sealed.subarray(0, length)), `length ${length}`).to.equal(undefined);
    }
  });
});
