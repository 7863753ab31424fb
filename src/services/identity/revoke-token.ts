import type { Empty } from '../../../gen/google/protobuf/empty.js';
import type { RevokeTokenRequest } from '../../../gen/keelson/identity/v1/oauth_service.js';
import type { SessionFamilies } from '../../repositories/session-families.js';
import type { CallContext, Clock } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';
import type { AccessTokens } from './access-tokens.js';
import { parseClientTokenName } from './client-token-name.js';
import type { RecogniseClient } from './oauth-clients.js';
import type { Sessions } from './sessions.js';
import { parseToken } from './token.js';

export interface RevokeTokenDeps {
  readonly recogniseClient: RecogniseClient;
  readonly accessTokens: Pick<AccessTokens, 'verify' | 'lifetimeMs'>;
  readonly sessions: Pick<Sessions, 'end' | 'nameOf'>;
  readonly families: Pick<SessionFamilies, 'announceEnd'>;
  readonly clock: Clock;
}

/** Ends a token. Whoever has it may. */
export function createRevokeToken(deps: RevokeTokenDeps) {
  const { recogniseClient, accessTokens, sessions, families, clock } = deps;
  return async function revokeToken(_ctx: CallContext, request: RevokeTokenRequest): Promise<Empty> {
    const { token, clientSecret } = request;
    if (clientSecret !== '') await recogniseClient(request);
    if (parseToken(token) !== undefined) {
      throw new ServiceError('TOKEN_TYPE_UNSUPPORTED', 'Token is that of an API key: delete the key instead');
    }
    const name = sessions.nameOf(token) ?? (await accessTokens.verify(token))?.session ?? '';
    if (parseClientTokenName(name) !== undefined) {
      await families.announceEnd(name, clock.now() + accessTokens.lifetimeMs);
    } else if (name !== '') {
      await sessions.end(name);
    }
    return {};
  };
}
