import { TokenIntrospection, type IntrospectTokenRequest } from '../../../gen/keelson/identity/v1/oauth_service.js';
import type { ApiKeys } from '../../repositories/api-keys.js';
import type { Authenticator } from '../../rpc/access.js';
import type { CallContext } from '../../rpc/context.js';
import { toMs } from '../timestamp.js';
import type { AccessTokens, TokenNames } from './access-tokens.js';
import { parseClientTokenName } from './client-token-name.js';
import type { Sessions } from './sessions.js';
import { parseToken } from './token.js';

const MS_PER_SECOND = 1000;
/** Asks an authenticator to look at what is now. */
const NEWEST = Infinity;

export interface IntrospectTokenDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly accessTokens: Pick<AccessTokens, 'inspect'>;
  readonly apiKeys: Pick<ApiKeys, 'find'>;
  readonly sessions: Pick<Sessions, 'inspect'>;
  readonly names: TokenNames;
}

/** Tells about any token as it is now, and nothing about one that is not valid. */
export function createIntrospectToken(deps: IntrospectTokenDeps) {
  const { authenticator, accessTokens, apiKeys, sessions, names } = deps;
  const { issuer: iss, audience: aud } = names;
  return async function introspectToken(
    ctx: CallContext,
    { token }: IntrospectTokenRequest,
  ): Promise<TokenIntrospection> {
    const session = await sessions.inspect(token, ctx.signal);
    if (session !== undefined) {
      const { user: sub, name: sid, issueTime, expireTime } = session;
      const times = { iat: toSeconds(issueTime), exp: toSeconds(expireTime) };
      return about({ tokenType: 'refresh_token', sub, sid, iss, scope: '*', ...times });
    }
    const caller = await authenticator.authenticate(token, NEWEST);
    if (caller === undefined) return TokenIntrospection.fromPartial({ active: false });
    const told = { tokenType: 'Bearer', sub: caller.name, scope: caller.permissions.join(' '), iss, aud };
    const keyName = parseToken(token)?.keyName;
    if (keyName !== undefined) {
      const end = (await apiKeys.find(keyName, 'any'))?.key.expireTime;
      return about({ ...told, clientId: caller.name, ...(end && { exp: toSeconds(toMs(end)) }) });
    }
    const { claims, issueMs = 0, expireMs = 0 } = (await accessTokens.inspect(token)) ?? {};
    const sid = claims?.session ?? '';
    const clientId = parseClientTokenName(sid) === undefined ? '' : caller.name;
    return about({ ...told, clientId, sid, iat: toSeconds(issueMs), exp: toSeconds(expireMs) });
  };
}

function about(told: Partial<TokenIntrospection>): TokenIntrospection {
  return TokenIntrospection.fromPartial({ active: true, ...told });
}

function toSeconds(ms: number): number {
  return Math.floor(ms / MS_PER_SECOND);
}
