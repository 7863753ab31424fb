import { expect } from 'chai';
import type { Leases } from '../../../src/ledger/ledger.js';
import { createAttempts } from '../../../src/repositories/attempts.js';
import { ServiceError } from '../../../src/rpc/errors.js';
import { createPasswordChecks, type PasswordChecks } from '../../../src/services/identity/check-password.js';
import type { Lease } from '../../../src/store/lease.js';
import { createManualClock, type ManualClock } from '../../support/manual-clock.js';

const ADDRESS = '10.0.0.1';
const QUARTER_HOUR_MS = 15 * 60_000;

describe('The throttling of sign-ins', () => {
  let clock: ManualClock;
  let checks: PasswordChecks;
  let looks: number;

  beforeEach(() => {
    clock = createManualClock();
    looks = 0;
    checks = createPasswordChecks({
      passwords: { find: async () => undefined },
      hasher: {
        hash: async () => '',
        check: async () => {
          looks += 1;
          return { matches: false, upgraded: undefined };
        },
      },
      attempts: createAttempts({ leases: createMemoryLeases(), now: () => clock.now() }),
    });
  });

  let port = 0;
  const guess = (user: string, address = ADDRESS) => ({ user, password: 'a guess', peer: `${address}:${(port += 1)}` });
  /** Gives 0 where the password was looked at, and else how long the next guess has to wait. */
  async function waitOf(user: string, address?: string): Promise<number> {
    try {
      await checks.check(guess(user, address), new AbortController().signal);
      return 0;
    } catch (err) {
      if (!(err instanceof ServiceError) || err.reason !== 'SIGN_IN_THROTTLED') throw err;
      return err.details.retryDelayMs ?? NaN;
    }
  }
  async function fail(count: number, userOf: (n: number) => string, addressOf?: (n: number) => string): Promise<void> {
    for (let n = 0; n < count; n += 1) expect(await waitOf(userOf(n), addressOf?.(n)), `guess ${n}`).to.equal(0);
  }

  it('lets five guesses of a user fail, from wherever they come, and holds up no other user', async () => {
    await fail(
      5,
      () => 'users/ada',
      (n) => `10.1.0.${n}`,
    );

    expect(await waitOf('users/ada', '10.1.0.9')).to.be.within(1, 1_000);
    expect(await waitOf('users/ben')).to.equal(0);
    expect(looks).to.equal(6);
  });

  it('lets fifty guesses from an address fail, of whomever they are, and holds up no other address', async () => {
    await fail(50, (n) => `users/u${n}`);

    expect(await waitOf('users/other')).to.be.within(1, 1_000);
    expect(await waitOf('users/other', '10.0.0.2')).to.equal(0);
    expect(looks).to.equal(51);
  });

  it('doubles the wait with each guess that fails, up to a quarter of an hour', async () => {
    await fail(5, () => 'users/ada');
    const waits: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      const waitMs = await waitOf('users/ada');
      waits.push(waitMs);
      clock.advance(waitMs - 1);
      expect(await waitOf('users/ada')).to.equal(1);
      clock.advance(1);
      expect(await waitOf('users/ada')).to.equal(0);
    }

    const doubled = waits.map((_, round) => Math.min(QUARTER_HOUR_MS, 1_000 * 2 ** round));
    expect(waits).to.deep.equal(doubled);
  });

  it('lets no more than five through of those that come at once', async () => {
    const waits = await Promise.all(Array.from({ length: 20 }, () => waitOf('users/ada')));

    expect(waits.filter((waitMs) => waitMs === 0)).to.have.length(5);
    expect(looks).to.equal(5);
  });

  it('forgets the guesses of a user whose last one was right, and takes that one back from the address', async () => {
    await fail(4, () => 'users/ada');
    for (let count = 0; count < 100; count += 1) {
      await fail(1, () => 'users/ada');
      await checks.forgive(guess('users/ada'));
    }

    expect(await waitOf('users/ada')).to.equal(0);
  });
});

/** What one database has, for all processes. */
function createMemoryLeases(): Leases {
  const kept = new Map<string, Lease>();
  return {
    read: async ({ id }) => kept.get(id),
    swap: async ({ kind, id, fence, value, expireTime }) => {
      if (kept.get(id)?.fence !== fence) return 'lost';
      kept.set(id, { kind, id, fence: (fence ?? 0) + 1, value, expireTime });
      return 'swapped';
    },
    scan: async () => [],
  };
}
