import type { ApiKeys, StoredApiKey } from '../../repositories/api-keys.js';
import type { Principals } from '../../repositories/principals.js';
import { toServiceError } from '../../repositories/translate-errors.js';
import type { Authenticator } from '../../rpc/access.js';
import type { Awaitable } from '../../async/awaitable.js';
import type { Caller, Clock, Freshness } from '../../rpc/context.js';
import type { AccessTokens } from './access-tokens.js';
import { parseClientTokenName, type ClientTokenParts } from './client-token-name.js';
import type { KnownCaller, KnownCallers } from './known-callers.js';
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
  readonly accessTokens: Pick<AccessTokens, 'inspect'>;
  readonly ended: Pick<EndedSessions, 'has'>;
  readonly keyUses: Pick<KeyUses, 'note'>;
  /** Apart, for a text that is sent as a token must never be found as the name in a certificate. */
  readonly known: { readonly tokens: Known; readonly certificates: Known };
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
  const { principals, keyUses, known, revision } = deps;

  function recognise(among: Known, credential: string, seen: number, look: Look): Awaitable<Caller | undefined> {
    const isBehind = seen > revision();
    const before = isBehind ? undefined : among.find(credential);
    if (before !== undefined) return callerOf(before);
    const found = among.remember(credential, () => look(isBehind ? 'latest' : 'any'));
    return found.then(callerOf, (err: unknown) => {
      throw toServiceError(err);
    });
  }

  function callerOf(found: KnownCaller | undefined): Caller | undefined {
    if (found?.keyName !== undefined) keyUses.note(found.keyName);
    return found?.caller;
  }

  return {
    authenticate: (token, seen) =>
      recognise(known.tokens, token, seen, (from) =>
        token.startsWith(API_KEY_PREFIX)
          ? atLast(from, (freshness) => recogniseApiKey(deps, parseToken(token), freshness))
          : recogniseAccessToken(deps, token, from),
      ),
    authenticatePeer: (uri, seen) =>
      recognise(known.certificates, uri, seen, (from) =>
        atLast(from, (freshness) => recognisePeer(principals, uri, freshness)),
      ),
  };
}

type Known = Pick<KnownCallers, 'find' | 'remember'>;
type Look = (from: AuthFreshness) => Promise<KnownCaller | undefined>;

async function recognisePeer(
  principals: AuthenticatorDeps['principals'],
  uri: string,
  freshness: AuthFreshness,
): Promise<KnownCaller | undefined> {
  const name = await principals.findByCertificate(uri, freshness);
  // A certificate that stands for no account is a principal of its own, to which bindings may give roles.
  if (name === undefined) return freshness === 'latest' ? everythingOf(uri) : undefined;
  return (await principals.isActive(name, freshness)) ? everythingOf(name) : undefined;
}

function everythingOf(name: string): KnownCaller {
  return { caller: { name, permissions: EVERYTHING }, untilMs: Infinity };
}

async function recogniseApiKey(
  { apiKeys, principals, clock }: AuthenticatorDeps,
  parts: TokenParts | undefined,
  freshness: Freshness,
): Promise<KnownCaller | undefined> {
  if (parts === undefined) return undefined;
  const { keyName, secret } = parts;
  const stored = await apiKeys.find(keyName, freshness);
  const matches = secretMatches(secret, stored?.secretHash ?? NO_SECRET_HASH);
  if (stored === undefined) return undefined;
  const untilMs = endOf(stored, { isCurrent: matches, wasBefore: (hash) => secretMatches(secret, hash) });
  if (clock.now() >= untilMs) return undefined;
  const name = keyName.slice(0, keyName.indexOf('/apiKeys/'));
  if (!(await principals.isActive(name, freshness))) return undefined;
  const { scopes } = stored.key;
  return { caller: { name, permissions: scopes.length === 0 ? EVERYTHING : scopes }, untilMs, keyName };
}

async function recogniseAccessToken(
  deps: AuthenticatorDeps,
  token: string,
  from: AuthFreshness,
): Promise<KnownCaller | undefined> {
  const { accessTokens, ended, principals, apiKeys, clock } = deps;
  const verified = await accessTokens.inspect(token);
  if (verified === undefined || (await ended.has(verified.claims.session, from))) return undefined;
  const { subject: name, session, scopes = EVERYTHING } = verified.claims;
  const client = parseClientTokenName(session);
  return atLast(from, async (freshness) => {
    const keyEndMs =
      client === undefined ? Infinity : endOfClient(client, await apiKeys.find(client.keyName, freshness));
    if (clock.now() >= keyEndMs || !(await principals.isActive(name, freshness))) return undefined;
    return { caller: { name, permissions: scopes }, untilMs: Math.min(verified.expireMs, keyEndMs) };
  });
}

/** Until when the secret stands for the key that an access token was given for. */
function endOfClient({ print }: ClientTokenParts, stored: StoredApiKey | undefined): number {
  if (stored === undefined) return ALREADY;
  const isCurrent = stored.secretHash.startsWith(print);
  return endOf(stored, { isCurrent, wasBefore: (hash) => hash.startsWith(print) });
}

interface SecretOfKey {
  readonly isCurrent: boolean;
  /** Whether the hash of the secret before the last rotation is that of this one. */
  readonly wasBefore: (previousHash: string) => boolean;
}

/** Until when a secret stands for a key, in milliseconds since 1970. */
function endOf({ key, previousSecretHash }: StoredApiKey, { isCurrent, wasBefore }: SecretOfKey): number {
  const keyEndMs = key.expireTime === undefined ? Infinity : toMs(key.expireTime);
  if (isCurrent) return keyEndMs;
  const previousEnd = key.previousTokenExpireTime;
  if (previousEnd === undefined || !wasBefore(previousSecretHash)) return ALREADY;
  return Math.min(keyEndMs, toMs(previousEnd));
}

/** Stands for a time that has passed. */
const ALREADY = -Infinity;

type AuthFreshness = Extract<Freshness, 'any' | 'latest'>;

async function atLast<T>(
  from: AuthFreshness,
  look: (freshness: AuthFreshness) => Promise<T | undefined>,
): Promise<T | undefined> {
  return (await look(from)) ?? (from === 'latest' ? undefined : look('latest'));
}
