import type { ApiKeys, StoredApiKey } from '../../repositories/api-keys.js';
import type { Principals } from '../../repositories/principals.js';
import { toServiceError } from '../../repositories/translate-errors.js';
import type { Authenticator } from '../../rpc/access.js';
import type { Caller, Clock, Freshness } from '../../rpc/context.js';
import type { AccessTokens } from './access-tokens.js';
import { parseClientTokenName, type ClientTokenParts } from './client-token-name.js';
import { toMs } from '../timestamp.js';
import type { EndedSessions } from '../../repositories/ended-sessions.js';
import type { KeyUses } from '../../repositories/key-uses.js';
import { API_KEY_PREFIX, hashSecret, parseToken, secretMatches, type TokenParts } from './token.js';

/** The scope that holds every permission. */
const EVERYTHING: readonly string[] = ['*'];

/** An unknown key is compared with this, so that it takes the time of a known one. */
const NO_SECRET_HASH = hashSecret('');

export interface AuthenticatorDeps {
  readonly apiKeys: Pick<ApiKeys, 'find'>;
  readonly principals: Pick<Principals, 'isActive' | 'findByCertificate'>;
  readonly accessTokens: Pick<AccessTokens, 'verify'>;
  readonly ended: Pick<EndedSessions, 'has'>;
  readonly keyUses: Pick<KeyUses, 'note'>;
  /** The last revision that this process has read. */
  readonly revision: () => number;
  readonly clock: Clock;
}

/**
 * Recognises callers by what this process knows of the log, which is at most a moment old; what it would refuse it first
 * looks at as it is now, so that a key is good everywhere from the moment it was shown. Whoever has seen a change, and says so
 * with a consistency token, is recognised by nothing that is older.
 */
export function createAuthenticator(deps: AuthenticatorDeps): Authenticator {
  const { principals, revision } = deps;
  const freshnessFor = (seen: number): AuthFreshness => (seen <= revision() ? 'any' : 'latest');
  return {
    authenticate: (token, seen) =>
      translated(
        token.startsWith(API_KEY_PREFIX)
          ? atLast(freshnessFor(seen), (freshness) => authenticateApiKey(deps, parseToken(token), freshness))
          : authenticateAccessToken(deps, token, freshnessFor(seen)),
      ),
    authenticatePeer: (uri, seen) =>
      translated(
        atLast(freshnessFor(seen), async (freshness) => {
          const name = await principals.findByCertificate(uri, freshness);
          // A certificate that stands for no account is a principal of its own, to which bindings may give roles.
          if (name === undefined) return freshness === 'latest' ? { name: uri, permissions: EVERYTHING } : undefined;
          return (await principals.isActive(name, freshness)) ? { name, permissions: EVERYTHING } : undefined;
        }),
      ),
  };
}

async function authenticateApiKey(
  { apiKeys, principals, keyUses, clock }: AuthenticatorDeps,
  parts: TokenParts | undefined,
  freshness: Freshness,
): Promise<Caller | undefined> {
  if (parts === undefined) return undefined;
  const stored = await apiKeys.find(parts.keyName, freshness);
  const isValid = isSecretOf(parts.secret, stored, clock.now());
  if (stored === undefined || !isValid) return undefined;
  const name = parts.keyName.slice(0, parts.keyName.indexOf('/apiKeys/'));
  if (!(await principals.isActive(name, freshness))) return undefined;
  keyUses.note(parts.keyName);
  const { scopes } = stored.key;
  return { name, permissions: scopes.length === 0 ? EVERYTHING : scopes };
}

async function authenticateAccessToken(
  deps: AuthenticatorDeps,
  token: string,
  from: AuthFreshness,
): Promise<Caller | undefined> {
  const { accessTokens, ended, principals, apiKeys, clock } = deps;
  const claims = await accessTokens.verify(token);
  if (claims === undefined || (await ended.has(claims.session, from))) return undefined;
  const { subject: name, session, scopes = EVERYTHING } = claims;
  const client = parseClientTokenName(session);
  const isActive = await atLast(from, async (freshness) => {
    if (client !== undefined && !isKeyOf(client, await apiKeys.find(client.keyName, freshness), clock.now())) return;
    return (await principals.isActive(name, freshness)) || undefined;
  });
  return isActive ? { name, permissions: scopes } : undefined;
}

function isSecretOf(secret: string, stored: StoredApiKey | undefined, nowMs: number): boolean {
  const matches = secretMatches(secret, stored?.secretHash ?? NO_SECRET_HASH);
  if (stored === undefined || hasEnded(stored, nowMs)) return false;
  return matches || (isPreviousValid(stored, nowMs) && secretMatches(secret, stored.previousSecretHash));
}

/** Whether the secret still stands for the key that an access token was given for. */
function isKeyOf({ print }: ClientTokenParts, stored: StoredApiKey | undefined, nowMs: number): boolean {
  if (stored === undefined || hasEnded(stored, nowMs)) return false;
  if (stored.secretHash.startsWith(print)) return true;
  return isPreviousValid(stored, nowMs) && stored.previousSecretHash.startsWith(print);
}

function hasEnded({ key: { expireTime } }: StoredApiKey, nowMs: number): boolean {
  return expireTime !== undefined && nowMs >= toMs(expireTime);
}

function isPreviousValid({ key: { previousTokenExpireTime: end } }: StoredApiKey, nowMs: number): boolean {
  return end !== undefined && nowMs < toMs(end);
}

type AuthFreshness = Extract<Freshness, 'any' | 'latest'>;

async function atLast<T>(
  from: AuthFreshness,
  look: (freshness: AuthFreshness) => Promise<T | undefined>,
): Promise<T | undefined> {
  return (await look(from)) ?? (from === 'latest' ? undefined : look('latest'));
}

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (err) {
    throw toServiceError(err);
  }
}
