import type { AttemptPolicy, Attempts } from '../../repositories/attempts.js';
import type { Passwords, StoredPassword } from '../../repositories/passwords.js';
import { ServiceError } from '../../rpc/errors.js';
import type { PasswordHasher } from './password-hash.js';

const SECOND_MS = 1000;
const QUARTER_HOUR_MS = 15 * 60 * SECOND_MS;

const OF_USER: AttemptPolicy = { freeMax: 5, delayMs: SECOND_MS, delayMsMax: QUARTER_HOUR_MS };
/** Many people may share an address. */
const OF_ADDRESS: AttemptPolicy = { freeMax: 50, delayMs: SECOND_MS, delayMsMax: QUARTER_HOUR_MS };

export interface CheckPasswordDeps {
  readonly passwords: Pick<Passwords, 'find'>;
  readonly hasher: PasswordHasher;
  readonly attempts: Attempts;
}

/** A password that somebody claims is a user's. */
export interface Guess {
  readonly user: string;
  readonly password: string;
  /** The address and the port that it came from. */
  readonly peer: string;
}

export interface CheckedPassword {
  /** Undefined where the user has no password, and where it is another one. */
  readonly stored: StoredPassword | undefined;
  /** A hash to be stored instead, where the stored one is weaker than new ones are. */
  readonly upgraded: string | undefined;
}

/** Where passwords are compared, whatever for. */
export interface PasswordChecks {
  /** Throws SIGN_IN_THROTTLED, having looked at nothing, after too many. */
  check(guess: Guess, signal: AbortSignal): Promise<CheckedPassword>;
  /** Forgets the failures of a user, and that this was a try: the guess was right. */
  forgive(guess: Pick<Guess, 'user' | 'peer'>): Promise<void>;
}

/**
 * Compares passwords. Tries are counted before the password is looked at, so that many at once are no way around, and all
 * together, whatever they are made with; a user who is not there takes the same steps and the same time as one with another
 * password.
 */
export function createPasswordChecks({ passwords, hasher, attempts }: CheckPasswordDeps): PasswordChecks {
  return {
    check: async ({ user, password, peer }, signal) => {
      await takeAttempt(attempts, `address ${addressOf(peer)}`, OF_ADDRESS);
      await takeAttempt(attempts, `user ${user}`, OF_USER);
      const stored = await passwords.find(user, signal);
      const { matches, upgraded } = await hasher.check(password, stored?.hash);
      return { stored: matches ? stored : undefined, upgraded };
    },
    forgive: async ({ user, peer }) => {
      await attempts.clear(`user ${user}`);
      await attempts.giveBack(`address ${addressOf(peer)}`, OF_ADDRESS);
    },
  };
}

async function takeAttempt(attempts: Attempts, subject: string, policy: AttemptPolicy): Promise<void> {
  const waitMs = await attempts.take(subject, policy);
  if (waitMs === 0) return;
  throw new ServiceError('SIGN_IN_THROTTLED', 'Too many sign-ins failed: come back later', { retryDelayMs: waitMs });
}

/** Without the port, which is another for every connection. */
export function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}
