import type { SignInRequest, Tokens } from '../../../gen/keelson/identity/v1/session_service.js';
import type { Identities } from '../../repositories/identities.js';
import type { CallContext } from '../../rpc/context.js';
import { addressOf, type PasswordChecks } from './check-password.js';
import { credentialsInvalid } from './credentials-invalid.js';
import type { Sessions } from './sessions.js';
import { toTokens } from './tokens-message.js';

export interface SignInDeps {
  readonly identities: Pick<Identities, 'passwords' | 'principals'>;
  readonly checks: PasswordChecks;
  readonly sessions: Pick<Sessions, 'begin' | 'end'>;
}

/** Signs a user in. */
export function createSignIn({ identities, checks, sessions }: SignInDeps) {
  const { passwords, principals } = identities;
  return async function signIn(ctx: CallContext, request: SignInRequest): Promise<Tokens> {
    const { user, password, userAgent } = request;
    const { stored, upgraded } = await checks.check({ user, password, peer: ctx.peer }, ctx.signal);
    const isActive = await principals.isActive(user, 'latest');
    if (stored === undefined || !isActive) throw credentialsInvalid();
    if (upgraded !== undefined) await passwords.upgrade(user, stored, upgraded);
    const issued = await sessions.begin(user, { userAgent, address: addressOf(ctx.peer) });
    // Whoever has set another password or disabled the user meanwhile has ended the sessions that there were: this one may
    // have come too late. No two hashes are the same, of one password either.
    const current = await passwords.find(user, ctx.signal);
    const isStillActive = await principals.isActive(user, 'latest');
    if (current?.hash !== (upgraded ?? stored.hash) || !isStillActive) {
      await sessions.end(issued.session);
      throw credentialsInvalid();
    }
    await checks.forgive({ user, peer: ctx.peer });
    return toTokens(issued);
  };
}
