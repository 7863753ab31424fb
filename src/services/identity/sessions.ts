import { randomUUID } from 'node:crypto';
import type { Principals } from '../../repositories/principals.js';
import type { SessionFamilies, SessionFamily } from '../../repositories/session-families.js';
import type { Clock } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import type { AccessTokens } from './access-tokens.js';
import { contended, createSessionEnd, SAVE_ATTEMPTS_MAX } from './session-end.js';
import type { RefreshTokenParts, RefreshTokens } from './refresh-token.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long after its last refresh a session ends. */
export const SESSION_IDLE_MS = 30 * DAY_MS;
/** For how long after it was exchanged the same successor is given to whoever sends a refresh token again. */
export const REFRESH_GRACE_MS = 30_000;
/** Exchanges that are remembered: within the grace time there are not more of one program. */
const EXCHANGES_KEPT = 8;

/** The tokens of a session, with their ends in milliseconds since 1970. */
export interface IssuedTokens {
  readonly session: string;
  readonly accessToken: string;
  readonly accessTokenExpireTime: number;
  readonly refreshToken: string;
  readonly refreshTokenExpireTime: number;
}

/** What is noted of whoever signs in. */
export interface SignedInFrom {
  readonly userAgent: string;
  readonly address: string;
}

export interface RefreshOptions {
  readonly signal?: AbortSignal | undefined;
  /** All that the access token may do. Everything that the user may, when it is left out. */
  readonly scopes?: readonly string[];
}

/** Times are milliseconds since 1970. */
export interface InspectedToken {
  readonly name: string;
  readonly user: string;
  readonly issueTime: number;
  readonly expireTime: number;
}

export interface Sessions {
  /** Makes a session of a user who has shown who they are. */
  begin(user: string, from: SignedInFrom): Promise<IssuedTokens>;
  /** Exchanges a refresh token. Rejects with REFRESH_TOKEN_INVALID. */
  refresh(refreshToken: string, options?: RefreshOptions): Promise<IssuedTokens>;
  /** What a refresh token stands for that could be exchanged for a new one now. Undefined for any other. */
  inspect(refreshToken: string, signal?: AbortSignal): Promise<InspectedToken | undefined>;
  /** Ends a session. Nothing of it is valid any more, in every process within a second. */
  end(name: string): Promise<void>;
  endAll(user: string): Promise<void>;
  /** The session that a refresh token belongs to, whether it is valid or not; undefined for what is none of ours. */
  nameOf(refreshToken: string): string | undefined;
}

export interface SessionsDeps {
  readonly families: SessionFamilies;
  readonly principals: Pick<Principals, 'isActive'>;
  readonly refreshTokens: RefreshTokens;
  readonly accessTokens: AccessTokens;
  readonly clock: Clock;
}

/**
 * Sessions whose refresh tokens rotate. A token carries its number; the family knows which number is valid, and changes by
 * a compare-and-swap, so that of concurrent refreshes one moves it on and the others find the successor. Whoever sends a
 * token after the grace time has a copy: the family ends (RFC 9700, section 4.14.2).
 */
export function createSessions(deps: SessionsDeps): Sessions {
  const { families, principals, refreshTokens, accessTokens, clock } = deps;

  /** `nowMs` is from before the family was read: whoever ends it later announces that for longer than the token lives. */
  const issue = async (
    { name, expireTime }: SessionFamily,
    { generation, nowMs, scopes }: { generation: number; nowMs: number } & Pick<RefreshOptions, 'scopes'>,
  ): Promise<IssuedTokens> => {
    const access = await accessTokens.issue({ subject: userOf(name), session: name, ...(scopes && { scopes }) }, nowMs);
    return {
      session: name,
      accessToken: access.token,
      accessTokenExpireTime: access.expireTime,
      refreshToken: refreshTokens.write({ session: name, generation }),
      refreshTokenExpireTime: expireTime,
    };
  };

  const { end, endAll } = createSessionEnd(deps);

  const refreshOnce = async (parts: RefreshTokenParts, { signal, scopes }: RefreshOptions) => {
    const { session, generation } = parts;
    const nowMs = clock.now();
    const family = await families.find(session, signal);
    if (family === undefined || family.ended || nowMs >= family.expireTime) throw refreshTokenInvalid();
    const isCurrent = generation === family.generation;
    if (!isCurrent && !isInGrace(family, generation, nowMs)) {
      await end(session);
      throw refreshTokenInvalid();
    }
    if (!(await principals.isActive(userOf(session), 'latest'))) throw refreshTokenInvalid();
    const issuing = { generation: generation + 1, nowMs, ...(scopes && { scopes }) };
    // Nothing is stored for a repeat, so that it does not matter how many there are: the session had not ended when it was
    // read, and what is given for it is worth nothing once it has.
    if (!isCurrent) return issue(family, issuing);
    const next = exchanged(family, nowMs);
    return (await families.save(next, signal)) ? issue(next, issuing) : undefined;
  };

  return {
    begin: async (user, { userAgent, address }) => {
      const nowMs = clock.now();
      const family: SessionFamily = {
        name: `${user}/sessions/${randomUUID()}`,
        userAgent,
        address,
        createTime: nowMs,
        refreshTime: nowMs,
        expireTime: nowMs + SESSION_IDLE_MS,
        generation: 1,
        exchangeTimes: [],
        ended: false,
        fence: undefined,
      };
      if (!(await families.save(family))) throw contended(family.name);
      return issue(family, { generation: 1, nowMs });
    },
    refresh: async (refreshToken, options = {}) => {
      const parts = refreshTokens.read(refreshToken);
      if (parts === undefined) throw refreshTokenInvalid();
      for (let attempt = 1; attempt <= SAVE_ATTEMPTS_MAX; attempt += 1) {
        const issued = await refreshOnce(parts, options);
        if (issued !== undefined) return issued;
      }
      throw contended(parts.session);
    },
    inspect: (refreshToken, signal) => inspect(deps, refreshToken, signal),
    end,
    endAll,
    nameOf: (refreshToken) => refreshTokens.read(refreshToken)?.session,
  };
}

async function inspect(
  { families, principals, refreshTokens, clock }: SessionsDeps,
  refreshToken: string,
  signal: AbortSignal | undefined,
): Promise<InspectedToken | undefined> {
  const parts = refreshTokens.read(refreshToken);
  const family = parts && (await families.find(parts.session, signal));
  if (family === undefined || parts?.generation !== family.generation) return undefined;
  const { name, refreshTime: issueTime, expireTime, ended } = family;
  const user = userOf(name);
  if (ended || clock.now() >= expireTime || !(await principals.isActive(user, 'latest'))) return undefined;
  return { name, user, issueTime, expireTime };
}

/** Whether a token was exchanged so lately that it may be sent again. */
function isInGrace({ generation, exchangeTimes }: SessionFamily, sent: number, nowMs: number): boolean {
  return nowMs - (exchangeTimes[generation - sent - 1] ?? -Infinity) <= REFRESH_GRACE_MS;
}

function exchanged(family: SessionFamily, nowMs: number): SessionFamily {
  return {
    ...family,
    generation: family.generation + 1,
    exchangeTimes: [nowMs, ...family.exchangeTimes].slice(0, EXCHANGES_KEPT),
    refreshTime: nowMs,
    expireTime: nowMs + SESSION_IDLE_MS,
  };
}

export function userOf(session: string): string {
  return session.slice(0, session.indexOf('/sessions/'));
}

function refreshTokenInvalid(): ServiceError {
  return new ServiceError('REFRESH_TOKEN_INVALID', 'Refresh token is not valid: sign in again');
}
