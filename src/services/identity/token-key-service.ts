import type { JsonWebKeySet, OpenIdConfiguration } from '../../../gen/keelson/identity/v1/token_key_service.js';
import { TokenKeyServiceDefinition } from '../../../gen/keelson/identity/v1/token_key_service.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { ALGORITHM } from './access-tokens.js';
import type { KeyRing } from './key-ring.js';

const KEY_SET_PATH = '.well-known/jwks.json';
const CLIENT_AUTH_METHODS = ['client_secret_basic', 'client_secret_post'];

export interface TokenKeyServiceDeps {
  readonly keys: Pick<KeyRing, 'published'>;
  /** A URL, under which others find the keys. */
  readonly issuer: string;
}

/** Serves `keelson.identity.v1.TokenKeyService`. */
export function createTokenKeyService({ keys, issuer }: TokenKeyServiceDeps): ServiceImplementation {
  const base = issuer.replace(/\/$/, '');
  const configuration: OpenIdConfiguration = {
    issuer,
    jwksUri: `${base}/${KEY_SET_PATH}`,
    // A client must find some. What this issuer gives is asked for with a password or a refresh token, not by a redirection.
    responseTypesSupported: ['id_token'],
    subjectTypesSupported: ['public'],
    idTokenSigningAlgValuesSupported: [ALGORITHM],
    tokenEndpoint: `${base}/oauth2/token`,
    grantTypesSupported: ['client_credentials', 'refresh_token'],
    tokenEndpointAuthMethodsSupported: [...CLIENT_AUTH_METHODS, 'none'],
    introspectionEndpoint: `${base}/oauth2/introspect`,
    introspectionEndpointAuthMethodsSupported: ['client_secret_basic'],
    revocationEndpoint: `${base}/oauth2/revoke`,
    revocationEndpointAuthMethodsSupported: [...CLIENT_AUTH_METHODS, 'none'],
  };
  return implementService(TokenKeyServiceDefinition, {
    getJsonWebKeySet: async (): Promise<JsonWebKeySet> => ({
      keys: (await keys.published()).map(({ kid, x }) => ({
        kty: 'OKP',
        crv: 'Ed25519',
        x,
        kid,
        alg: ALGORITHM,
        use: 'sig',
      })),
    }),
    getOpenIdConfiguration: async () => configuration,
  });
}
