import type { IssuedToken, IssueTokenRequest } from '../../../gen/keelson/identity/v1/oauth_service.js';
import type { CallContext, Clock } from '../../rpc/context.js';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import { findUncovered } from '../access/permission-pattern.js';
import type { AccessTokens } from './access-tokens.js';
import type { RecogniseClient } from './oauth-clients.js';
import type { Sessions } from './sessions.js';

const MS_PER_SECOND = 1000;
const SCOPE = /^(?:\*|[a-z][a-z0-9]*\.(?:\*|[a-z][a-zA-Z0-9]*\.(?:\*|[a-z][a-zA-Z0-9]*)))$/;
const EVERYTHING: readonly string[] = ['*'];

export interface IssueTokenDeps {
  readonly recogniseClient: RecogniseClient;
  readonly accessTokens: Pick<AccessTokens, 'issue'>;
  readonly sessions: Pick<Sessions, 'refresh'>;
  readonly clock: Clock;
}

/** Gives an access token for a client's secret, or for a refresh token (RFC 6749, sections 4.4 and 6). */
export function createIssueToken({ recogniseClient, accessTokens, sessions, clock }: IssueTokenDeps) {
  const answer = (token: string, expireTime: number, more: { scope: string; refreshToken: string }): IssuedToken => ({
    accessToken: token,
    tokenType: 'Bearer',
    expiresIn: Math.floor((expireTime - clock.now()) / MS_PER_SECOND),
    ...more,
  });
  return async function issueToken(ctx: CallContext, request: IssueTokenRequest): Promise<IssuedToken> {
    const { grantType, clientSecret, refreshToken } = request;
    switch (grantType) {
      case 'client_credentials': {
        const client = await recogniseClient(request);
        const scopes = readScopes(request.scope, client.scopes);
        const claims = { subject: client.account, session: client.nameToken(), scopes };
        const { token, expireTime } = await accessTokens.issue(claims);
        return answer(token, expireTime, { scope: scopes.join(' '), refreshToken: '' });
      }
      case 'refresh_token': {
        if (refreshToken === '') throw invalidRequest([{ field: 'refresh_token', description: 'must be set' }]);
        if (clientSecret !== '') await recogniseClient(request);
        const scopes = readScopes(request.scope, EVERYTHING);
        const issued = await sessions.refresh(refreshToken, { signal: ctx.signal, scopes });
        const more = { scope: scopes.join(' '), refreshToken: issued.refreshToken };
        return answer(issued.accessToken, issued.accessTokenExpireTime, more);
      }
      default:
        throw new ServiceError('GRANT_TYPE_UNSUPPORTED', 'Grant type is not client_credentials or refresh_token');
    }
  };
}

/** What is asked for, if it is no more than there is; all that there is, if nothing is. */
function readScopes(scope: string, granted: readonly string[]): readonly string[] {
  const wanted = scope.split(' ').filter((word) => word !== '');
  if (wanted.length === 0) return granted;
  const wrong = wanted.find((word) => !SCOPE.test(word)) ?? findUncovered(wanted, granted);
  if (wrong === undefined) return wanted;
  throw new ServiceError('SCOPE_INVALID', 'Scope is no list of permissions that the grant may have');
}
