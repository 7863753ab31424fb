import type { SignInRequest, Tokens } from '../../../gen/keelson/identity/v1/session_service.js';
import type { AttemptPolicy, Attempts } from '../../repositories/attempts.js';
import type { Identities } from '../../repositories/identities.js';
import type { CallContext } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import { credentialsInvalid } from './credentials-invalid.js';
import type { PasswordHasher } from './password-hash.js';
import type { Sessions } from './sessions.js';
import { toTokens } from './tokens-message.js';

const SECOND_MS = 1000;
const QUARTER_HOUR_MS = 15 * 60 * SECOND_MS;

const OF_USER: AttemptPolicy = { freeMax: 5, delayMs: SECOND_MS, delayMsMax: QUARTER_HOUR_MS };
/** Many people may share an address. */
const OF_ADDRESS: AttemptPolicy = { freeMax: 50, delayMs: SECOND_MS, delayMsMax: QUARTER_HOUR_MS };

export interface SignInDeps {
  readonly identities: Pick<Identities, 'passwords' | 'principals'>;
  readonly hasher: PasswordHasher;
  readonly attempts: Attempts;
  readonly sessions: Pick<Sessions, 'begin' | 'end'>;
}

/**
 * Signs a user in. Tries are counted before the password is looked at, so that many at once are no way around; a user who
 * is not there takes the same steps and the same time as one with a wrong password.
 */
export function createSignIn({ identities, hasher, attempts, sessions }: SignInDeps) {
  const { passwords, principals } = identities;
  return async function signIn(ctx: CallContext, request: SignInRequest): Promise<Tokens> {
    const { user, password, userAgent } = request;
    const address = addressOf(ctx.peer);
    await takeAttempt(attempts, `address ${address}`, OF_ADDRESS);
    await takeAttempt(attempts, `user ${user}`, OF_USER);
    const stored = await passwords.find(user, ctx.signal);
    const { matches, upgraded } = await hasher.check(password, stored?.hash);
    const isActive = await principals.isActive(user, 'latest');
    if (!matches || stored === undefined || !isActive) throw credentialsInvalid();
    if (upgraded !== undefined) await passwords.upgrade(user, stored, upgraded);
    const issued = await sessions.begin(user, { userAgent, address });
    // Whoever has set another password meanwhile has ended the sessions that there were: this one may have come too late.
    // No two hashes are the same, of one password either.
    const current = await passwords.find(user, ctx.signal);
    if (current?.hash !== (upgraded ?? stored.hash)) {
      await sessions.end(issued.session);
      throw credentialsInvalid();
    }
    await attempts.clear(`user ${user}`);
    return toTokens(issued);
  };
}

async function takeAttempt(attempts: Attempts, subject: string, policy: AttemptPolicy): Promise<void> {
  const waitMs = await attempts.take(subject, policy);
  if (waitMs === 0) return;
  throw new ServiceError('SIGN_IN_THROTTLED', 'Too many sign-ins failed: come back later', { retryDelayMs: waitMs });
}

/** Without the port, which is another for every connection. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}
