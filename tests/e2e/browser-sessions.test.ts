import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createAuthority, type Authority } from '../support/certificates.js';
import { startChromium } from '../support/chromium.js';
import { requireTool } from '../support/require-tool.js';

const BROWSER_MS_MAX = 60_000;
const USER = 'users/ann';
const PASSWORD = 'correct horse battery staple';
const LIST = '/v1/collections/notes/documents';
const COOKIE = '__Host-keelson-session';

async function addUser({ address, token }: TestApp): Promise<void> {
  const identity = createClient(IdentityServiceDefinition, { address, token });
  const policy = createClient(AccessPolicyServiceDefinition, { address, token });
  await identity.createUser({ userId: USER.slice('users/'.length), user: {}, password: PASSWORD });
  await policy.createBinding({ binding: { member: USER, role: 'roles/viewer', resource: '*' } });
  identity.close();
  policy.close();
}

interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answered {
  readonly status: number;
  readonly text: string;
}

describe('a session of a browser', function () {
  this.timeout(BROWSER_MS_MAX);

  describe('over HTTP', () => {
    let app: TestApp;
    let cookie: string;
    const inMode = { 'x-keelson-session': 'cookie' };

    const ask = (path: string, { method = 'GET', body, headers = {} }: Asked = {}) =>
      fetch(`${app.http}${path}`, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    const reasonOf = async (response: Response) => /"reason":"(\w+)"/.exec(await response.text())?.[1];

    before(async () => {
      app = await startTestApp();
      await addUser(app);
      const response = await ask('/v1/sessions:signIn', {
        method: 'POST',
        body: { user: USER, password: PASSWORD },
        headers: inMode,
      });
      const [set = ''] = response.headers.getSetCookie();
      const json = (await response.json()) as object;
      expect(json).to.have.all.keys('session', 'accessTokenExpireTime', 'refreshTokenExpireTime');
      expect(set).to.match(
        /^__Host-keelson-session=[\w.~-]+; Max-Age=\d+; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
      );
      cookie = set.slice(0, set.indexOf(';'));
    });
    after(() => app.close());

    it('is recognised by its cookie alone where the page says so, and by nothing where it does not', async () => {
      expect((await ask(LIST, { headers: { cookie, ...inMode } })).status).to.equal(200);

      expect(await reasonOf(await ask(LIST, { headers: { cookie } }))).to.equal('TOKEN_MISSING');
      expect(await reasonOf(await ask(LIST, { headers: inMode }))).to.equal('TOKEN_MISSING');
    });

    it('is not given to a request that comes from elsewhere, whatever headers it has', async () => {
      for (const from of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `${app.http}0` },
        { 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'same-site' },
        { 'sec-fetch-site': 'none' },
      ]) {
        const refused = await ask(LIST, { headers: { cookie, ...inMode, ...from } });
        expect([refused.status, await reasonOf(refused)], JSON.stringify(from)).to.deep.equal([
          403,
          'CROSS_SITE_REQUEST',
        ]);
      }
      const own = { origin: app.http, 'sec-fetch-site': 'same-origin' };
      expect((await ask(LIST, { headers: { cookie, ...inMode, ...own } })).status).to.equal(200);
    });

    it('does not stand before a token that the request brings', async () => {
      const headers = { cookie, ...inMode, authorization: 'Bearer wrong' };

      expect(await reasonOf(await ask(LIST, { headers }))).to.equal('TOKEN_INVALID');
    });
  });

  describe('in Chromium', () => {
    let authority: Authority;
    let app: TestApp;
    let base: string;
    let browser: Browser;
    let page: Page;
    let elsewhere: Server;

    before(requireTool('chromium'));
    before(requireTool('openssl'));
    before(async () => {
      authority = createAuthority();
      const { certFile, keyFile } = authority.issue('server', 'IP:127.0.0.1');
      app = await startTestApp({
        KEELSON_TLS_CERT_FILE: certFile,
        KEELSON_TLS_KEY_FILE: keyFile,
        KEELSON_TLS_LISTENERS: 'http',
      });
      base = app.http.replace('http:', 'https:');
      await addUser(app);
      elsewhere = createServer((_request, response) => {
        response.setHeader('content-type', 'text/html').end('<!doctype html><title>Elsewhere</title>');
      });
      elsewhere.listen(0, '127.0.0.1');
      await once(elsewhere, 'listening');
      browser = await startChromium();
      page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
      await page.goto(`${base}/docs`);
    });
    after(async () => {
      await browser?.close();
      elsewhere?.close();
      await app?.close();
      authority?.close();
    });

    /** Asks as a script of a page of this origin does. */
    const ask = (path: string, body?: unknown): Promise<Answered> =>
      page.evaluate(
        async ([url, json]) => {
          const response = await fetch(url, {
            method: json === '' ? 'GET' : 'POST',
            headers: { 'x-keelson-session': 'cookie', 'content-type': 'application/json' },
            ...(json !== '' && { body: json }),
          });
          return { status: response.status, text: await response.text() };
        },
        [`${base}${path}`, body === undefined ? '' : JSON.stringify(body)] as const,
      );
    const cookies = async () => (await page.context().cookies(base)).filter(({ name }) => name === COOKIE);

    it('is begun, refreshed and ended, with tokens that no script sees', async () => {
      expect((await ask(LIST)).status).to.equal(401);

      const signedIn = await ask('/v1/sessions:signIn', { user: USER, password: PASSWORD });
      expect(signedIn.status, signedIn.text).to.equal(200);
      expect(signedIn.text).not.to.match(/accessToken"|refreshToken"/);
      expect(await page.evaluate<string>('document.cookie')).to.equal('');
      const [first] = await cookies();
      expect(first).to.include({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
      expect((await ask(LIST)).status).to.equal(200);

      const refreshed = await ask('/v1/sessions:refresh', {});
      expect(refreshed.status, refreshed.text).to.equal(200);
      expect((await cookies())[0]?.value).not.to.equal(first?.value);
      expect((await ask(LIST)).status).to.equal(200);

      expect((await ask('/v1/sessions:signOut', {})).status).to.equal(200);
      expect(await cookies()).to.deep.equal([]);
      expect((await ask(LIST)).status).to.equal(401);
      await page.context().addCookies([{ name: COOKIE, value: first?.value ?? '', url: base, secure: true }]);
      expect((await ask(LIST)).status).to.equal(401);
      await page.context().clearCookies();
    });

    it('is of no use to a page of another site, whatever it sends', async () => {
      await ask('/v1/sessions:signIn', { user: USER, password: PASSWORD });
      const other = await page.context().newPage();
      await other.goto(`http://localhost:${(elsewhere.address() as AddressInfo).port}/`);

      const outcomes = await other.evaluate(async (url) => {
        const requests: RequestInit[] = [
          { headers: { 'x-keelson-session': 'cookie', 'content-type': 'application/json' } },
          { headers: { 'content-type': 'text/plain' } },
          { mode: 'no-cors', headers: { 'content-type': 'text/plain' } },
        ];
        return Promise.all(
          requests.map((request) =>
            fetch(url, { method: 'POST', credentials: 'include', body: '{}', ...request }).then(
              ({ type }) => type,
              () => 'failed',
            ),
          ),
        );
      }, `${base}/v1/sessions:signOut`);

      expect(outcomes.slice(0, 2)).to.deep.equal(['failed', 'failed']);
      expect((await ask(LIST)).status).to.equal(200);
      await other.close();
    });
  });
});
