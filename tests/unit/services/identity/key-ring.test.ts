import { expect } from 'chai';
import type { StoredSigningKey } from '../../../../src/repositories/signing-keys.js';
import { openKeyRing, type KeyRing } from '../../../../src/services/identity/key-ring.js';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.js';
import { rejection } from '../../../support/rejection.js';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('the key ring', () => {
  let clock: ManualClock;
  let stored: StoredSigningKey[];
  let opened: KeyRing[];

  beforeEach(() => {
    clock = createManualClock();
    stored = [];
    opened = [];
  });

  afterEach(() => {
    for (const ring of opened) ring.close();
  });

  async function open(encryptionKey: Uint8Array = Buffer.alloc(32, 1)): Promise<KeyRing> {
    const add = async (key: StoredSigningKey) => void stored.push(key);
    const keys = { all: async () => stored, add, close: () => undefined };
    const ring = await openKeyRing({ stored: keys, encryptionKey, clock, onError: () => undefined });
    opened.push(ring);
    return ring;
  }

  it('gives a key that could not be read once it can be', async () => {
    const ring = await open();
    const [whole] = stored;
    const { kid } = await ring.current();
    expect(whole).to.include({ kid });
    stored = stored.map((key) => ({ ...key, x: '?' }));
    const second = await open();
    await rejection(second.publicKey(kid));

    stored = whole === undefined ? [] : [whole];

    expect((await second.publicKey(kid)).type).to.equal('public');
    expect((await second.current()).kid).to.equal(kid);
  });

  it('opens no key with another master key', async () => {
    await open();
    const other = await open(Buffer.alloc(32, 2));

    await rejection(other.current());
  });

  it('publishes a key a day before it signs, and for a day after', async () => {
    const ring = await open();
    const first = (await ring.current()).kid;
    const seen = new Map<string, number>();
    for (let day = 0; day < 62; day += 1) {
      clock.advance(DAY_MS);
      const again = await open();
      const signing = (await again.current()).kid;
      const published = (await again.published()).map(({ kid }) => kid);
      expect(published).to.include(signing);
      for (const kid of published) seen.set(kid, (seen.get(kid) ?? 0) + 1);
    }

    expect((await ring.published()).map(({ kid }) => kid)).not.to.include(first);
    expect(Math.max(...seen.values())).to.be.within(31, 33);
  });
});
