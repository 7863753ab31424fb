import { expect } from 'chai';
import * as oauth from 'oauth4webapi';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { SessionServiceDefinition } from '../../gen/keelson/identity/v1/session_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';
import { rejection } from '../support/rejection.js';

/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
const PASSWORD = 'correct horse battery staple';
/** More than a request may have by default. */
const TOO_MANY_BYTES = 5 * 1024 * 1024;
const PLAIN = { [oauth.allowInsecureRequests]: true } as const;

/** As much of it as says how calls fail. */
interface OpenApi {
  readonly paths: Readonly<Record<string, { readonly post: { readonly responses: Record<number, { $ref: string }> } }>>;
  readonly components: {
    readonly responses: Readonly<
      Record<
        string,
        {
          readonly description: string;
          readonly content: {
            readonly 'application/json': { readonly schema: { readonly required: readonly string[] } };
          };
        }
      >
    >;
  };
}

describe('the OAuth 2.0 endpoints, called by a client that knows nothing else', () => {
  let app: TestApp;
  let server: oauth.AuthorizationServer;
  let admin: Clients;
  let secret: string;
  let keyName: string;
  let serial = 0;
  let account: string;
  const opened: Clients[] = [];

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    const port = await freePort();
    const issuer = new URL(`http://127.0.0.1:${port}`);
    app = await startTestApp({ KEELSON_ISSUER: issuer.origin, KEELSON_HTTP_LISTEN: `127.0.0.1:${port}` });
    const found = await oauth.discoveryRequest(issuer, { ...PLAIN, algorithm: 'oauth2' });
    // Some libraries write an origin with a slash at its end.
    server = { ...((await found.json()) as oauth.AuthorizationServer) };
    expect(server.issuer).to.equal(issuer.origin);
    admin = as(app.token);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const clients of opened) clients.close();
    await app.close();
  });

  beforeEach(async () => {
    serial += 1;
    const made = await admin.identity.createServiceAccount({ serviceAccountId: `c${serial}`, serviceAccount: {} });
    account = made.name;
    const { token, apiKey } = await admin.identity.createApiKey({ parent: account, apiKey: {} });
    secret = token;
    keyName = apiKey?.name ?? '';
    await admin.policy.createBinding({ binding: { member: account, role: 'roles/viewer', resource: '*' } });
  });

  function as(token?: string): Clients {
    const clients = openClients(app.address, token);
    opened.push(clients);
    return clients;
  }
  const client = (): oauth.Client => ({ client_id: `c${serial}` });
  const reasonOf = async (promise: Promise<unknown>) => (await rejection(promise, CallError)).reason;
  const read = (token: string) => as(token).documents.listDocuments({ parent: 'collections/orders' });

  async function askFor(parameters: Record<string, string>, auth = oauth.ClientSecretBasic(secret)) {
    const asked = await oauth.clientCredentialsGrantRequest(server, client(), auth, parameters, PLAIN);
    return oauth.processClientCredentialsResponse(server, client(), asked);
  }
  const introspect = async (token: string) => {
    const basic = `Basic ${Buffer.from(`admin:${encodeURIComponent(app.token)}`).toString('base64')}`;
    const { json } = await post('/oauth2/introspect', { token }, { authorization: basic });
    return json;
  };
  const revoke = async (token: string) => {
    const asked = await oauth.revocationRequest(server, client(), oauth.ClientSecretPost(secret), token, PLAIN);
    await oauth.processRevocationResponse(asked);
  };
  async function post(path: string, parameters: Record<string, string>, headers: Record<string, string> = {}) {
    const body = new URLSearchParams(parameters);
    const response = await fetch(`${app.http}${path}`, { method: 'POST', body, headers });
    return {
      path,
      status: response.status,
      headers: response.headers,
      json: (await response.json()) as Record<string, unknown>,
    };
  }

  /** The errors that the description of the server has for a status, and the members that it gives them. */
  async function describedErrors(path: string, status: number) {
    const document = (await (await fetch(`${app.http}/openapi.json`)).json()) as OpenApi;
    const { $ref: pointer } = document.paths[path]?.post.responses[status] ?? { $ref: '' };
    const described = document.components.responses[pointer.slice('#/components/responses/'.length)];
    const names = described?.description.split(', ').map((name) => name.replaceAll('`', ''));
    return { names, members: described?.content['application/json'].schema.required };
  }

  it('give a client an access token for its secret, sent in either way, which may do what the key may', async () => {
    for (const auth of [oauth.ClientSecretBasic(secret), oauth.ClientSecretPost(secret)]) {
      const { access_token: token, expires_in: seconds, token_type: type } = await askFor({}, auth);

      expect(seconds).to.be.within(1, 600);
      expect(type).to.equal('bearer');
      expect((await read(token)).documents).to.deep.equal([]);
    }
  });

  it('give no more scope than is asked for, and none that the key has not', async () => {
    const { access_token: narrow, scope } = await askFor({ scope: 'documents.documents.get' });
    expect(scope).to.equal('documents.documents.get');
    expect(await reasonOf(read(narrow))).to.equal('PERMISSION_DENIED');
    const { token } = await admin.identity.createApiKey({ parent: account, apiKey: { scopes: ['documents.*'] } });

    const wider = await rejection(
      askFor({ scope: 'identity.*' }, oauth.ClientSecretBasic(token)),
      oauth.ResponseBodyError,
    );

    expect(wider).to.include({ error: 'invalid_scope', status: 400 });
  });

  it('end an access token of a client by itself, and with its key', async () => {
    const [one, two] = [(await askFor({})).access_token, (await askFor({})).access_token];

    await revoke(one);

    expect(await reasonOf(read(one))).to.equal('TOKEN_INVALID');
    await read(two);
    await admin.identity.rotateApiKey({ name: keyName, overlap: { seconds: 3600n, nanos: 0 } });
    await read(two);
    await admin.identity.rotateApiKey({ name: keyName });
    expect(await reasonOf(read(two))).to.equal('TOKEN_INVALID');
  });

  it('exchange a refresh token of a user, and end its session', async () => {
    const { name: user } = await admin.identity.createUser({ userId: `u${serial}`, user: {}, password: PASSWORD });
    await admin.policy.createBinding({ binding: { member: user, role: 'roles/viewer', resource: '*' } });
    const { refreshToken } = await as().sessions.signIn({ user, password: PASSWORD });
    expect(await introspect(refreshToken)).to.include({ active: true, sub: user, token_type: 'refresh_token' });

    const asked = await oauth.refreshTokenGrantRequest(server, client(), oauth.None(), refreshToken, PLAIN);
    const next = await oauth.processRefreshTokenResponse(server, client(), asked);

    await read(next.access_token);
    const scope = 'documents.documents.get';
    const narrow = await post('/oauth2/token', { grant_type: 'refresh_token', refresh_token: refreshToken, scope });
    expect(narrow.json).to.include({ scope });
    expect(await reasonOf(read(String(narrow.json['access_token'])))).to.equal('PERMISSION_DENIED');
    expect(await introspect(refreshToken)).to.deep.equal({ active: false });
    await revoke(next.refresh_token ?? '');
    expect(await reasonOf(read(next.access_token))).to.equal('TOKEN_INVALID');
    const late = await post('/oauth2/token', { grant_type: 'refresh_token', refresh_token: next.refresh_token ?? '' });
    expect(late).to.include({ status: 400 });
    expect(late.json).to.include({ error: 'invalid_grant' });
  });

  it('tell about tokens to whoever may ask, and nothing about those that are not valid', async () => {
    const { access_token: token } = await askFor({ scope: 'documents.*' });

    expect(await introspect(token)).to.deep.include({
      active: true,
      sub: account,
      client_id: account,
      scope: 'documents.*',
      iss: server.issuer,
      aud: 'keelson',
      token_type: 'Bearer',
    });
    expect(await introspect(secret)).to.deep.include({ active: true, sub: account, scope: '*' });
    await admin.identity.deleteApiKey({ name: keyName });
    for (const ended of [token, secret, 'nonsense', `${token}x`]) {
      expect(await introspect(ended)).to.deep.equal({ active: false });
    }
  });

  it('ask for a permission to tell about tokens', async () => {
    const basic = `Basic ${Buffer.from(`c${serial}:${secret}`).toString('base64')}`;

    const denied = await post('/oauth2/introspect', { token: secret }, { authorization: basic });
    const unknown = await post('/oauth2/introspect', { token: secret });

    expect([denied.status, denied.json['error']]).to.deep.equal([403, 'insufficient_scope']);
    expect([unknown.status, unknown.json['error']]).to.deep.equal([401, 'invalid_client']);
  });

  it('refuse in the words of RFC 6749', async () => {
    const basic = (id: string, password: string) => ({
      authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
    });
    const grant = { grant_type: 'client_credentials' };
    const cases: readonly (readonly [string, number, ReturnType<typeof post>])[] = [
      ['unsupported_grant_type', 400, post('/oauth2/token', { grant_type: 'password', username: 'a', password: 'b' })],
      ['invalid_request', 400, post('/oauth2/token', { scope: '*' })],
      ['invalid_request', 400, post('/oauth2/token', { grant_type: 'refresh_token' })],
      ['invalid_client', 401, post('/oauth2/token', grant)],
      ['invalid_client', 401, post('/oauth2/token', grant, basic(`c${serial}`, `${secret}x`))],
      ['invalid_client', 401, post('/oauth2/token', grant, basic('admin', secret))],
      ['invalid_request', 400, post('/oauth2/token', { ...grant, client_secret: secret }, basic('a', secret))],
      ['invalid_request', 400, post('/oauth2/token', grant, { authorization: 'Basic bm8tY29sb24=' })],
      ['invalid_grant', 400, post('/oauth2/token', { grant_type: 'refresh_token', refresh_token: 'nonsense' })],
      ['invalid_request', 413, post('/oauth2/token', { ...grant, scope: 'x'.repeat(TOO_MANY_BYTES) })],
      ['invalid_scope', 400, post('/oauth2/token', { ...grant, scope: 'Documents' }, basic(`c${serial}`, secret))],
      ['unsupported_token_type', 400, post('/oauth2/revoke', { token: secret })],
      ['invalid_client', 401, post('/oauth2/revoke', { token: 'x', client_id: 'admin', client_secret: 'y' })],
    ];
    for (const [index, [error, status, asked]] of cases.entries()) {
      const { json, headers, ...answered } = await asked;
      expect([answered.status, json['error']], `case ${index}`).to.deep.equal([status, error]);
      expect(Object.keys(json), `case ${index}`).to.deep.equal(['error', 'error_description']);
      const described = await describedErrors(answered.path, status);
      expect(described.names, `case ${index}`).to.include(error);
      expect(described.members).to.deep.equal(Object.keys(json));
      expect(headers.get('cache-control')).to.equal('no-store');
      if (status === 401) expect(headers.get('www-authenticate')).to.match(/^(?:Basic|Bearer) realm=/);
    }
    const json = await fetch(`${app.http}/oauth2/token`, {
      method: 'POST',
      body: JSON.stringify(grant),
      headers: { 'content-type': 'application/json' },
    });
    expect([json.status, ((await json.json()) as { error: string }).error]).to.deep.equal([400, 'invalid_request']);
    expect((await post('/oauth2/revoke', { token: 'nonsense' })).status).to.equal(200);
  });
});

type Clients = ReturnType<typeof openClients>;

function openClients(address: string, token?: string) {
  const options = { address, ...(token !== undefined && { token }) };
  const documents = createClient(DocumentServiceDefinition, options);
  const identity = createClient(IdentityServiceDefinition, options);
  const sessions = createClient(SessionServiceDefinition, options);
  const policy = createClient(AccessPolicyServiceDefinition, options);
  return {
    documents,
    identity,
    sessions,
    policy,
    close: () => {
      for (const client of [documents, identity, sessions, policy]) client.close();
    },
  };
}
