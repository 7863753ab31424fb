import { createHash } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../rpc/context.js';
import type { KeyRing } from './key-ring.js';

const MINUTE_MS = 60_000;
const ACCESS_TOKEN_MS = 10 * MINUTE_MS;
const MS_PER_SECOND = 1000;
/** What access tokens are signed with. */
export const ALGORITHM = 'EdDSA';
const TYPE = 'at+jwt';
/** Tokens whose signature was verified, and is not verified again. */
const VERIFIED_MAX = 10_000;
const TOKEN_LENGTH_MAX = 4096;
/** Three parts in base64url and nothing else: decoders pass over more than they should, such as spaces. */
const COMPACT_FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Who issues tokens, and for whom. */
export interface TokenNames {
  /** A URL, under which others find the keys. */
  readonly issuer: string;
  readonly audience: string;
}

/** Whom an access token stands for. */
export interface AccessTokenClaims {
  readonly subject: string;
  /** The name of the session that it was issued in; empty for one without. */
  readonly session: string;
  /** Permissions and patterns of them; all that the subject may, when it is left out. */
  readonly scopes?: readonly string[];
}

/** Short-lived JSON Web Tokens (RFC 9068), signed with Ed25519. */
export interface AccessTokens {
  readonly lifetimeMs: number;
  /** The lifetime counts from `fromMs`, which is now where it is left out. */
  issue(claims: AccessTokenClaims, fromMs?: number): Promise<{ readonly token: string; readonly expireTime: number }>;
  /** Undefined for what is no valid token of ours. Says nothing of sessions that have ended. */
  verify(token: string): Promise<AccessTokenClaims | undefined>;
  /** The same, with its times. */
  inspect(token: string): Promise<VerifiedToken | undefined>;
}

/** Times are milliseconds since 1970. */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  readonly issueMs: number;
  readonly expireMs: number;
}

export interface AccessTokensDeps {
  readonly keys: KeyRing;
  readonly names: TokenNames;
  readonly clock: Clock;
}

export function createAccessTokens({ keys, names, clock }: AccessTokensDeps): AccessTokens {
  const verified = new LRUCache<string, VerifiedToken>({ max: VERIFIED_MAX });
  const inspect = async (token: string): Promise<VerifiedToken | undefined> => {
    if (token.length > TOKEN_LENGTH_MAX || !COMPACT_FORM.test(token)) return undefined;
    const digest = createHash('sha256').update(token).digest('base64');
    const known = verified.get(digest) ?? (await verifyToken(token, { keys, names, clock }));
    if (known === undefined || clock.now() >= known.expireMs) return undefined;
    verified.set(digest, known);
    return known;
  };
  return {
    lifetimeMs: ACCESS_TOKEN_MS,
    issue: async ({ subject, session, scopes }, fromMs = clock.now()) => {
      const { kid, privateKey } = await keys.current();
      const nowSeconds = Math.floor(fromMs / MS_PER_SECOND);
      const expireSeconds = nowSeconds + ACCESS_TOKEN_MS / MS_PER_SECOND;
      const claims = { ...(session !== '' && { sid: session }), ...(scopes && { scope: scopes.join(' ') }) };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid })
        .setIssuer(names.issuer)
        .setAudience(names.audience)
        .setSubject(subject)
        .setIssuedAt(nowSeconds)
        .setExpirationTime(expireSeconds)
        .sign(privateKey);
      return { token, expireTime: expireSeconds * MS_PER_SECOND };
    },
    verify: async (token) => (await inspect(token))?.claims,
    inspect,
  };
}

async function verifyToken(
  token: string,
  { keys, names, clock }: AccessTokensDeps,
): Promise<VerifiedToken | undefined> {
  try {
    const { payload } = await jwtVerify(token, ({ kid }) => keys.publicKey(kid ?? ''), {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: names.issuer,
      audience: names.audience,
      currentDate: new Date(clock.now()),
      requiredClaims: ['sub', 'iat', 'exp'],
      maxTokenAge: ACCESS_TOKEN_MS / MS_PER_SECOND,
    });
    const { sub: subject = '', exp = 0, iat = 0, sid, scope } = payload;
    const expireMs = Math.min(exp * MS_PER_SECOND, iat * MS_PER_SECOND + ACCESS_TOKEN_MS);
    const scopes = typeof scope === 'string' ? { scopes: scope.split(' ').filter((word) => word !== '') } : {};
    const session = typeof sid === 'string' ? sid : '';
    return { claims: { subject, session, ...scopes }, issueMs: iat * MS_PER_SECOND, expireMs };
  } catch (err) {
    if (err instanceof errors.JOSEError) return undefined;
    throw err;
  }
}
