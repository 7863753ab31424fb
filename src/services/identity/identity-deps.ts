import type { Identities } from '../../repositories/identities.js';
import type { KeyUses } from '../../repositories/key-uses.js';
import type { Caller, Clock } from '../../rpc/context.js';
import type { PasswordChecks } from './check-password.js';
import type { PasswordHasher } from './password-hash.js';
import type { Sessions } from './sessions.js';

type Change = Identities['change'];
type View = Parameters<Parameters<Change>[0]>[0];

/** Keeps somebody who may do everything. */
export interface Owners {
  /** Like Identities.change, for changes after which somebody may not call any more. */
  readonly change: Change;
  /** Rejects with LAST_OWNER if nobody else may do everything. */
  assertNotLast(view: View, principal: string): Promise<void>;
  /**
   * Throws GRANT_EXCEEDS_CALLER unless the caller holds whatever a principal may do; where that is the caller itself, unless the
   * scopes of what it called with cover these, which are all without any.
   */
  assertHoldsAllOf(caller: Caller, principal: string, scopes?: readonly string[]): void;
}

export interface IdentityDeps {
  readonly identities: Identities;
  readonly hasher: PasswordHasher;
  readonly checks: PasswordChecks;
  readonly owners: Owners;
  readonly sessions: Sessions;
  readonly keyUses: Pick<KeyUses, 'lastUse'>;
  readonly clock: Clock;
}
