import type { Empty } from '../../../gen/google/protobuf/empty.js';
import type { SetPasswordRequest } from '../../../gen/keelson/identity/v1/identity_service.js';
import type { CallContext } from '../../rpc/context.js';
import { changeOptions } from '../change-request.js';
import { credentialsInvalid } from './credentials-invalid.js';
import type { IdentityDeps } from './identity-deps.js';

/** Sets the password of a user, and ends all sessions of the user. */
export function createSetPassword({
  identities,
  hasher,
  checks,
  owners,
  sessions,
}: Pick<IdentityDeps, 'identities' | 'hasher' | 'checks' | 'owners' | 'sessions'>) {
  const { principals, passwords, change } = identities;
  const { users } = principals;
  return async function setPassword(ctx: CallContext, request: SetPasswordRequest): Promise<Empty> {
    const { name, password, currentPassword } = request;
    if (ctx.caller.name === name) {
      // Counted like a sign-in: who has got hold of an access token must not find out the password by trying.
      const guess = { user: name, password: currentPassword, peer: ctx.peer };
      const { stored } = await checks.check(guess, ctx.signal);
      if (stored === undefined) throw credentialsInvalid();
      await checks.forgive(guess);
    } else {
      // Whoever has the password can do whatever the user may.
      owners.assertHoldsAllOf(ctx.caller, name);
    }
    await users.get(name, ctx);
    const hash = await hasher.hash(password);
    await change(
      async (view) => {
        // Whoever deletes the user meanwhile is not overtaken.
        await view.get(users.definition.collection, name);
        return [passwords.put(name, hash)];
      },
      changeOptions(ctx, { method: 'SetPassword', requestId: '', encode: () => new Uint8Array() }),
    );
    await sessions.endAll(name);
    return {};
  };
}
