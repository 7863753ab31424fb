import { expect } from 'chai';
import type { AttemptPolicy } from '../../../../src/repositories/attempts.js';
import { createPasswordChecks } from '../../../../src/services/identity/check-password.js';
import { createPasswordHasher, type PasswordHasher } from '../../../../src/services/identity/password-hash.js';
import { ServiceError } from '../../../../src/rpc/errors.js';
import { rejection } from '../../../support/rejection.js';

const KNOWN = 'users/ada';
const UNKNOWN = 'users/nobody';
const ROUNDS = 24;
/** As far apart as two samples of 24 can be, they are 5.9 apart; by chance they are not 5 once in a million runs. */
const RANKS_APART_MAX = 5;

describe('createPasswordChecks()', () => {
  const signal = new AbortController().signal;
  let hasher: PasswordHasher;
  let stored: string;

  before(async () => {
    hasher = createPasswordHasher();
    stored = await hasher.hash('correct horse battery staple');
  });

  function checksOn(use: PasswordHasher, take: (subject: string, policy: AttemptPolicy) => number = () => 0) {
    return createPasswordChecks({
      passwords: { find: async (user) => (user === KNOWN ? { hash: stored, revision: 1 } : undefined) },
      hasher: use,
      attempts: {
        take: async (...attempt) => take(...attempt),
        clear: async () => undefined,
        giveBack: async () => undefined,
      },
    });
  }

  it('compares as many hashes for a user who is not there as for one with another password', async () => {
    const compared: boolean[] = [];
    const counting: PasswordHasher = {
      ...hasher,
      check: async (password, hash) => {
        compared.push(hash !== undefined);
        return hasher.check(password, hash);
      },
    };
    const checks = checksOn(counting);
    for (const user of [KNOWN, UNKNOWN]) {
      const { stored: found } = await checks.check({ user, password: 'a guess', peer: '127.0.0.1:1' }, signal);
      expect(found).to.equal(undefined);
    }

    expect(compared).to.deep.equal([true, false]);
  });

  it('takes as much work for a user who is not there', async function () {
    this.timeout(30_000);
    const checks = checksOn(hasher);
    const workOf = async (user: string): Promise<number> => {
      const before = process.cpuUsage();
      await checks.check({ user, password: 'a guess', peer: '127.0.0.1:1' }, signal);
      const { user: userMicros, system } = process.cpuUsage(before);
      return userMicros + system;
    };
    // The first makes the hash that unknown users are compared with.
    await workOf(UNKNOWN);
    const known: number[] = [];
    const unknown: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      known.push(await workOf(KNOWN));
      unknown.push(await workOf(UNKNOWN));
    }

    expect(Math.abs(ranksApart(known, unknown))).to.be.below(RANKS_APART_MAX);
  });

  it('looks at no password once there were too many tries, and counts all before it looks', async () => {
    const taken: string[] = [];
    const looksNowhere: PasswordHasher = { ...hasher, check: () => Promise.reject(new Error('Looked at a password')) };
    const checks = checksOn(looksNowhere, (subject) => (taken.push(subject), subject.startsWith('user') ? 1000 : 0));

    const refused = await rejection(
      checks.check({ user: KNOWN, password: 'a guess', peer: '127.0.0.1:4711' }, signal),
      ServiceError,
    );

    expect(refused.reason).to.equal('SIGN_IN_THROTTLED');
    expect(taken).to.deep.equal(['address 127.0.0.1', `user ${KNOWN}`]);
  });
});

/** The standard score of Mann and Whitney's U: about 0 for two samples of one distribution, whatever that is. */
function ranksApart(one: readonly number[], other: readonly number[]): number {
  const u = one
    .flatMap((a) => other.map((b): number => (a > b ? 1 : a === b ? 0.5 : 0)))
    .reduce((sum, x) => sum + x, 0);
  const pairs = one.length * other.length;
  return (u - pairs / 2) / Math.sqrt((pairs * (one.length + other.length + 1)) / 12);
}
