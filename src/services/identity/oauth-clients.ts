import type { Authenticator } from '../../rpc/access.js';
import { ServiceError } from '../../rpc/errors.js';
import { clientTokenName } from './client-token-name.js';
import { parseToken } from './token.js';

/** A service account that has shown one of its API keys. */
export interface OAuthClient {
  readonly account: string;
  /** Permissions and patterns of them that the key may. */
  readonly scopes: readonly string[];
  /** Makes a name for an access token of the key; see clientTokenName(). */
  nameToken(): string;
}

/** Recognises clients by their ids and secrets. Rejects with CLIENT_INVALID, whatever is wrong. */
export type RecogniseClient = (given: { clientId: string; clientSecret: string }) => Promise<OAuthClient>;

export function createRecogniseClient(authenticator: Pick<Authenticator, 'authenticate'>): RecogniseClient {
  return async ({ clientId, clientSecret }) => {
    const parts = parseToken(clientSecret);
    const caller = parts && (await authenticator.authenticate(clientSecret, 0));
    const isItself = caller?.name === clientId || caller?.name === `serviceAccounts/${clientId}`;
    if (parts === undefined || caller === undefined || !isItself) throw clientInvalid();
    return { account: caller.name, scopes: caller.permissions, nameToken: () => clientTokenName(parts) };
  };
}

export function clientInvalid(): ServiceError {
  return new ServiceError('CLIENT_INVALID', 'Client id or secret is wrong');
}
