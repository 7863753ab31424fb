import type { ApiKeys } from '../../repositories/api-keys.js';
import type { Authenticator } from '../../rpc/access.js';
import { toServiceError } from '../../repositories/translate-errors.js';
import { hashSecret, parseToken, secretMatches } from './token.js';

/** The scope that holds every permission. */
const EVERYTHING = '*';

/** An unknown key is compared with this, so that it takes the time of a known one. */
const NO_SECRET_HASH = hashSecret('');

/** Recognises the bearers of API keys. */
export function createApiKeyAuthenticator(deps: { apiKeys: Pick<ApiKeys, 'get'> }): Authenticator {
  return {
    async authenticate(token) {
      const parts = parseToken(token);
      if (parts === undefined) return undefined;
      const key = await deps.apiKeys.get(parts.keyId).catch((err: unknown) => {
        throw toServiceError(err);
      });
      const matches = secretMatches(parts.secret, key?.secretHash ?? NO_SECRET_HASH);
      return key !== undefined && matches ? { name: key.principal, permissions: key.permissions } : undefined;
    },
    // A certificate stands for its bearer as a whole: what that may do, bindings say.
    authenticatePeer: async (name) => ({ name, permissions: [EVERYTHING] }),
  };
}
