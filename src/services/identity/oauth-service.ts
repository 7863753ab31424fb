import { OAuthServiceDefinition } from '../../../gen/keelson/identity/v1/oauth_service.js';
import { translating } from '../../repositories/translate-errors.js';
import type { Authenticator } from '../../rpc/access.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { createIntrospectToken, type IntrospectTokenDeps } from './introspect-token.js';
import { createIssueToken, type IssueTokenDeps } from './issue-token.js';
import { createRecogniseClient } from './oauth-clients.js';
import { createRevokeToken, type RevokeTokenDeps } from './revoke-token.js';

export type OAuthServiceDeps = Omit<IssueTokenDeps & IntrospectTokenDeps & RevokeTokenDeps, 'recogniseClient'> & {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
};

/** Serves `keelson.identity.v1.OAuthService`. */
export function createOAuthService(deps: OAuthServiceDeps): ServiceImplementation {
  const parts = { ...deps, recogniseClient: createRecogniseClient(deps.authenticator) };
  return implementService(OAuthServiceDefinition, {
    issueToken: translating(createIssueToken(parts)),
    introspectToken: translating(createIntrospectToken(parts)),
    revokeToken: translating(createRevokeToken(parts)),
  });
}
