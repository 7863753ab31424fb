import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { NearTier } from '../../../src/cache/near-tier.js';

const MIB = 1024 * 1024;

describe('NearTier', () => {
  it('keeps to its number of bytes over a million names, and what it reckons is no less than what it takes', function () {
    this.timeout(20_000);
    const bytesMax = 32 * MIB;
    const tier = new NearTier<{ readonly text: string }>(bytesMax);
    const before = heldBytes();

    for (let n = 0; n < 1_000_000; n += 1) {
      const text = `{"name":"collections/c/documents/${n}"}`;
      tier.set(`documents/collections/c/documents/${n}`, { value: { text } }, text.length);
    }

    expect(tier.bytes).to.be.within(bytesMax / 2, bytesMax);
    expect(tier.get('documents/collections/c/documents/999999')).not.to.equal(undefined);
    expect(tier.get('documents/collections/c/documents/0')).to.equal(undefined);
    expect(heldBytes() - before).to.be.lessThan(bytesMax);
  });

  it('does not keep what alone is larger than it', () => {
    const tier = new NearTier<object>(1000);

    tier.set('x', { value: {} }, 1001);

    expect(tier.get('x')).to.equal(undefined);
  });
});

/** What the heap holds once all garbage is gone. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
