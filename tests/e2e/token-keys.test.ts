import { expect } from 'chai';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { SessionServiceDefinition } from '../../gen/keelson/identity/v1/session_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';

/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
const PASSWORD = 'correct horse battery staple';
const KEY_CHARS = 43;

interface Discovered {
  readonly issuer: string;
  readonly jwks_uri: string;
}

describe('the keys of access tokens', () => {
  let app: TestApp;
  let issuer: string;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    const port = await freePort();
    issuer = `http://127.0.0.1:${port}`;
    app = await startTestApp({ KEELSON_ISSUER: issuer, KEELSON_HTTP_LISTEN: `127.0.0.1:${port}` });
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    await app.close();
  });

  const discover = () => fetch(`${issuer}/.well-known/openid-configuration`);

  async function signIn(): Promise<{ readonly user: string; readonly accessToken: string }> {
    const identity = createClient(IdentityServiceDefinition, { address: app.address, token: app.token });
    const sessions = createClient(SessionServiceDefinition, { address: app.address });
    try {
      const { name: user } = await identity.createUser({ userId: 'ann', user: {}, password: PASSWORD });
      const { accessToken } = await sessions.signIn({ user, password: PASSWORD });
      return { user, accessToken };
    } finally {
      identity.close();
      sessions.close();
    }
  }

  it('are found by the issuer alone, and verify a token of a sign-in in another library’s hands', async () => {
    const { user, accessToken } = await signIn();
    const found = (await (await discover()).json()) as Discovered;

    const { payload } = await jwtVerify(accessToken, createRemoteJWKSet(new URL(found.jwks_uri)), {
      issuer: found.issuer,
      audience: 'keelson',
      typ: 'at+jwt',
    });

    expect([found.issuer, payload.sub]).to.deep.equal([issuer, user]);
  });

  it('are told with the members that RFC 7517 and OpenID Connect Discovery name', async () => {
    const configuration: unknown = await (await discover()).json();
    const { keys } = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as { keys: { x: string }[] };

    expect(configuration).to.deep.include({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['EdDSA'],
    });
    expect(keys.map((key) => Object.keys(key).sort())).to.deep.include(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    for (const { x } of keys) expect(x).to.have.length(KEY_CHARS);
  });

  it('may be kept by every cache for an hour', async () => {
    const byConnect = 'keelson.identity.v1.TokenKeyService/GetJsonWebKeySet?connect=v1&encoding=json&message=%7B%7D';
    for (const path of ['.well-known/jwks.json', '.well-known/openid-configuration', byConnect]) {
      const answer = await fetch(`${issuer}/${path}`);
      await answer.arrayBuffer();
      expect(answer.headers.get('cache-control'), path).to.equal('public, max-age=3600');
    }
  });
});
