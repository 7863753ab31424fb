import type { FileRegistry } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { Idempotency } from '../gen/keelson/options/v1/options.js';
import { openAccess, type Access } from './access.js';
import type { Config } from './config.js';
import type { Ledger } from './ledger/ledger.js';
import type { Cleanups } from './lifecycle.js';
import { createAttempts } from './repositories/attempts.js';
import { ENDED_SESSIONS, openEndedSessions } from './repositories/ended-sessions.js';
import { openIdentities, type Identities } from './repositories/identities.js';
import { createKeyUses } from './repositories/key-uses.js';
import { openMasterKey } from './repositories/master-key.js';
import { createSessionFamilies } from './repositories/session-families.js';
import { openSigningKeys, SIGNING_KEYS } from './repositories/signing-keys.js';
import type { SweepableResource } from './repositories/sweeper.js';
import type { Authenticator, Authorizer } from './rpc/access.js';
import type { Clock } from './rpc/context.js';
import type { MethodTable } from './rpc/method-table.js';
import type { Policy } from './rpc/policy.js';
import type { ServiceImplementation } from './rpc/service.js';
import { createEnvoyAuthorization } from './services/access/envoy-authorization.js';
import { createAccessTokens, type TokenNames } from './services/identity/access-tokens.js';
import { createPasswordChecks } from './services/identity/check-password.js';
import { createAuthenticator } from './services/identity/authenticate.js';
import type { Owners } from './services/identity/identity-deps.js';
import { ensureFirstAdmin, FIRST_ADMIN } from './services/identity/first-admin.js';
import { KnownCallers } from './services/identity/known-callers.js';
import { createIdentityService } from './services/identity/identity-service.js';
import { openKeyRing } from './services/identity/key-ring.js';
import { createOAuthService } from './services/identity/oauth-service.js';
import { createPasswordHasher } from './services/identity/password-hash.js';
import { createRefreshTokens } from './services/identity/refresh-token.js';
import { createSessionService } from './services/identity/session-service.js';
import { createSessions } from './services/identity/sessions.js';
import { createTokenKeyService } from './services/identity/token-key-service.js';

/** Who is calling and what they may do, in this process. */
export interface Callers extends Identity {
  readonly authorizer: Authorizer;
  /** Makes what the first start makes. To be called before any call. Gives the file of the first admin's token. */
  prepare(table: MethodTable): Promise<string>;
}

export interface CallersDeps extends Pick<IdentityDeps, 'config' | 'ledger' | 'clock' | 'log' | 'cleanups'> {
  readonly registry: FileRegistry;
}

/** Opens identity and access, which rest on each other, and leaves their closing to `cleanups`. */
export async function openCallers({ registry, ...deps }: CallersDeps): Promise<Callers> {
  const { config, ledger, clock, cleanups } = deps;
  const identities = await openIdentities({ ledger, registry, now: () => clock.now() });
  const access = await openAccess({
    ledger,
    registry,
    clock,
    isActive: (view, name) => identities.canCall(view, name),
    cleanups,
  });
  const identity = await openIdentity({ ...deps, identities, access });
  return {
    authenticator: identity.authenticator,
    authorizer: access.authorizer,
    services: [
      ...access.services,
      createEnvoyAuthorization({
        authenticator: identity.authenticator,
        decisions: access.decisions,
        policy: FOR_MESHES,
      }),
      ...identity.services,
    ],
    resources: [...access.resources, ...identity.resources],
    prepare: async (table) => {
      const adminTokenFile = await ensureFirstAdmin({ identities, dataDir: config.dataDir });
      await access.prepare(table, FIRST_ADMIN);
      return adminTokenFile;
    },
  };
}

/** What Envoy's contract leaves unsaid. */
const FOR_MESHES: Policy = {
  access: { kind: 'authenticated' },
  deadlineDefaultMs: 5_000,
  deadlineMaxMs: 60_000,
  idempotency: Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS,
};

/** Who is calling, in this process. */
interface Identity {
  readonly authenticator: Authenticator;
  readonly services: readonly ServiceImplementation[];
  readonly resources: readonly SweepableResource[];
}

interface IdentityDeps {
  readonly config: Pick<Config, 'masterKey' | 'dataDir' | 'storeUrl' | 'issuer'>;
  readonly ledger: Ledger;
  readonly identities: Identities;
  readonly access: Pick<Access, 'policies' | 'guard'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cleanups: Cleanups;
}

/** Opens what callers are recognised by. */
async function openIdentity(deps: IdentityDeps): Promise<Identity> {
  const { config, ledger, identities, access, clock, log, cleanups } = deps;
  const { dataDir, masterKey: configured } = config;
  const now = () => clock.now();
  const onError = (err: unknown) => log.warn({ err }, 'identity upkeep failed');
  const masterKey = await openMasterKey({ ledger, configured, dataDir, isShared: config.storeUrl !== undefined });
  const stored = await openSigningKeys(ledger);
  cleanups.add('signing keys', () => stored.close());
  const keys = await openKeyRing({ stored, encryptionKey: masterKey.derive('signing keys'), clock, onError });
  cleanups.add('key ring', () => keys.close());
  const ended = await openEndedSessions(ledger);
  cleanups.add('ended sessions', () => ended.close());
  const keyUses = createKeyUses({ leases: ledger.leases, clock, onError });
  cleanups.add('key uses', () => keyUses.close());

  const names: TokenNames = { issuer: config.issuer, audience: 'keelson' };
  const accessTokens = createAccessTokens({ keys, names, clock });
  const families = createSessionFamilies(ledger);
  const refreshTokens = createRefreshTokens(masterKey.derive('refresh tokens'));
  const { principals } = identities;
  const sessions = createSessions({ families, principals, refreshTokens, accessTokens, clock });
  const hasher = createPasswordHasher();
  const owners: Owners = {
    change: (decide, options) => access.policies.change(decide, options),
    assertNotLast: (view, principal) => access.guard.assertNotLastOwner(view, principal),
    assertHoldsAllOf: (...asked) => access.guard.assertHoldsAllOf(...asked),
  };
  const attempts = createAttempts({ leases: ledger.leases, now });
  const checks = createPasswordChecks({ passwords: identities.passwords, hasher, attempts });
  const { apiKeys } = identities;
  const revision = () => ledger.revision();
  const knowCallers = () => {
    const known = new KnownCallers({ watch: (onChange) => identities.watchCallers(onChange), clock });
    cleanups.add('known callers', () => known.close());
    return known;
  };
  const known = { tokens: knowCallers(), certificates: knowCallers() };
  const authenticator = createAuthenticator({
    apiKeys,
    principals,
    accessTokens,
    ended,
    keyUses,
    known,
    revision,
    clock,
  });
  return {
    authenticator,
    resources: [identities.apiKeys.keys.definition, ENDED_SESSIONS, SIGNING_KEYS],
    services: [
      createIdentityService({ identities, hasher, checks, owners, sessions, keyUses, clock }),
      createSessionService({ identities, checks, sessions, families }),
      createTokenKeyService({ keys, issuer: config.issuer }),
      createOAuthService({ authenticator, accessTokens, apiKeys, sessions, families, names, clock }),
    ],
  };
}
