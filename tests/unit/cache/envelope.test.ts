import { expect } from 'chai';
import { createEnvelopes } from '../../../src/cache/envelope.js';

const envelopes = createEnvelopes(Buffer.alloc(32, 1), markAt);
const sealed = sealedAt('documents/a', 2 ** 50, Buffer.from('{"n":1}'));

describe('open()', () => {
  it('gives back what was sealed', () => {
    const opened = envelopes.open('documents/a', sealed);

    expect(opened?.revision).to.equal(2 ** 50);
    expect(Buffer.from(opened?.bytes ?? []).toString()).to.equal('{"n":1}');
  });

  it('tells that there was nothing from that there was an empty value', () => {
    const nothing = sealedAt('a', 1, undefined);
    const empty = sealedAt('a', 1, Buffer.alloc(0));

    expect(envelopes.open('a', nothing)).to.deep.equal({ revision: 1, bytes: undefined });
    expect(envelopes.open('a', empty)?.bytes).to.have.length(0);
  });

  it('refuses it under another key, and with another secret', () => {
    expect(envelopes.open('documents/b', sealed)).to.equal(undefined);
    expect(createEnvelopes(Buffer.alloc(32, 2), markAt).open('documents/a', sealed)).to.equal(undefined);
  });

  it('refuses it in another history, and where none is known', () => {
    const others = [() => 1n, () => undefined];
    for (const other of others)
      expect(createEnvelopes(Buffer.alloc(32, 1), other).open('documents/a', sealed)).to.equal(undefined);
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

describe('seal()', () => {
  it('seals nothing of a revision to which no history is known', () => {
    expect(createEnvelopes(Buffer.alloc(32), () => undefined).seal('a', { revision: 1, bytes: undefined })).to.equal(
      undefined,
    );
  });
});

/** A history in which every revision has a mark of its own. */
function markAt(revision: number): bigint {
  return BigInt.asUintN(64, BigInt(revision) * 3n);
}

function sealedAt(key: string, revision: number, bytes: Uint8Array | undefined): Uint8Array {
  const envelope = envelopes.seal(key, { revision, bytes });
  if (envelope === undefined) throw new TypeError('Nothing was sealed');
  return envelope;
}
