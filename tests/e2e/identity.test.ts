import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { SessionServiceDefinition } from '../../gen/keelson/identity/v1/session_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';

/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
const HAS_OTHER_PROCESSES = (process.env['KEELSON_TEST_SHAPE'] ?? 'one') !== 'one';
const LOOK_MS = 50;
/** What a call may take at most: how long a busy machine needs for a dozen guesses says nothing of them. */
const CALL = { timeoutMs: 60_000 } as const;
const GUESSES_MS_MAX = 240_000;
const PASSWORD = 'correct horse battery staple';

describe('identity, on the embedded engine', () => testIdentity(() => ({})));

describeMongo('identity, on MongoDB', (server) =>
  testIdentity(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testIdentity(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let admin: Clients;
  let serial = 0;
  const opened: Clients[] = [];

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    admin = as(app.token);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const clients of opened) clients.close();
    await app.close();
  });

  beforeEach(() => {
    serial += 1;
  });

  function as(token?: string): Clients {
    const clients = openClients(app.address, token);
    opened.push(clients);
    return clients;
  }

  const reasonOf = async (promise: Promise<unknown>) => (await rejection(promise, CallError)).reason;
  const read = (clients: Clients) => clients.documents.listDocuments({ parent: `collections/c${serial}` });

  /** Whoever took a change holds to it at once; other processes hear of it within a second. */
  async function isShutOut(clients: Clients): Promise<void> {
    while (HAS_OTHER_PROCESSES && (await isLetIn(clients))) await delay(LOOK_MS);
    expect(await reasonOf(read(clients))).to.equal('TOKEN_INVALID');
  }

  const isLetIn = (clients: Clients) =>
    read(clients).then(
      () => true,
      () => false,
    );

  /**
   * Of a dozen guesses at once five are looked at, and one more after each wait, of which the first is a second and each other twice
   * the one before: however long they all took, it follows how many waits were over.
   */
  async function expectFiveLooks(guess: () => Promise<unknown>): Promise<void> {
    const startedAt = Date.now();
    const reasons = await Promise.all(Array.from({ length: 12 }, () => reasonOfOne(guess)));
    const waits = Math.floor(Math.log2((Date.now() - startedAt) / 1000 + 1));

    const looks = reasons.filter((reason) => reason === 'CREDENTIALS_INVALID').length;
    expect(looks, reasons.join()).to.be.within(5, 5 + waits);
    expect(reasons.filter((reason) => reason === 'SIGN_IN_THROTTLED').length, reasons.join()).to.equal(12 - looks);
  }

  /** A guess that a busy machine turned away before it was looked at is made again. */
  async function reasonOfOne(guess: () => Promise<unknown>): Promise<string | undefined> {
    const reason = await reasonOf(guess());
    if (reason !== 'OVERLOADED') return reason;
    await delay(LOOK_MS);
    return reasonOfOne(guess);
  }

  async function anAccount(more: object = {}): Promise<string> {
    const { name } = await admin.identity.createServiceAccount({
      serviceAccountId: `account-${serial}`,
      serviceAccount: more,
    });
    return name;
  }

  async function aUser(): Promise<string> {
    const { name } = await admin.identity.createUser({ userId: `user-${serial}`, user: {}, password: PASSWORD });
    return name;
  }

  const allow = (member: string, role = 'roles/viewer', resource = '*') =>
    admin.policy.createBinding({ binding: { member, role, resource } });

  describe('an API key', () => {
    it('calls as its account, and may do what the account may', async () => {
      const parent = await anAccount();
      const { token, apiKey } = await admin.identity.createApiKey({ parent, apiKey: {} });

      expect(token.startsWith(`${apiKey?.tokenPrefix}_`)).to.equal(true);
      expect(await reasonOf(read(as(token)))).to.equal('PERMISSION_DENIED');
      await allow(parent);
      expect((await read(as(token))).documents).to.deep.equal([]);
    });

    it('may do no more than its scopes', async () => {
      const parent = await anAccount();
      await allow(parent, 'roles/editor');
      const apiKey = { scopes: ['documents.documents.list'] };
      const { token } = await admin.identity.createApiKey({ parent, apiKey });

      expect((await read(as(token))).documents).to.deep.equal([]);
      const create = as(token).documents.createDocument({ parent: `collections/c${serial}`, document: {} });
      expect(await reasonOf(create)).to.equal('PERMISSION_DENIED');
    });

    it('has a new token after a rotation, beside the old one for as long as was asked for', async () => {
      const parent = await anAccount();
      await allow(parent);
      const first = await admin.identity.createApiKey({ parent, apiKey: {} });
      const name = first.apiKey?.name ?? '';

      const second = await admin.identity.rotateApiKey({ name, overlap: { seconds: 3600n, nanos: 0 } });
      await read(as(first.token));
      await read(as(second.token));
      const third = await admin.identity.rotateApiKey({ name });

      await read(as(third.token));
      await isShutOut(as(second.token));
      await isShutOut(as(first.token));
    });

    it('is not valid once it, or its account, is deleted, disabled or over', async () => {
      const parent = await anAccount();
      await allow(parent);
      const make = (apiKey: object = {}) => admin.identity.createApiKey({ parent, apiKey });
      const [deleted, over, kept] = [await make(), await make({ expireTime: { seconds: 1n, nanos: 0 } }), await make()];
      await admin.identity.deleteApiKey({ name: deleted.apiKey?.name ?? '' });

      await isShutOut(as(deleted.token));
      await isShutOut(as(over.token));
      const disable = (disabled: boolean) =>
        admin.identity.updateServiceAccount({ serviceAccount: { name: parent, disabled }, updateMask: ['disabled'] });
      await disable(true);
      await isShutOut(as(kept.token));
      await disable(false);
      await read(as(kept.token));
      await admin.identity.deleteServiceAccount({ name: parent });
      await isShutOut(as(kept.token));
      await anAccount();
      await isShutOut(as(kept.token));
    });

    it('holds no stream open once it has ended, or may do less', async () => {
      const parent = await anAccount();
      const binding = await allow(parent);
      const keys = [0, 1].map(() => admin.identity.createApiKey({ parent, apiKey: {} }));
      const [first, second] = await Promise.all(keys);
      const endOf = async (token = '') => {
        const { documents } = as(token);
        const watch = documents.watchDocuments({ parent: `collections/c${serial}`, initialState: true });
        const messages = watch[Symbol.asyncIterator]();
        // The first message tells that the stream was let in.
        await messages.next();
        return { ended: reasonOf(untilItEnds(messages)) };
      };
      const [ofFirst, ofSecond] = [await endOf(first?.token), await endOf(second?.token)];

      await admin.identity.deleteApiKey({ name: first?.apiKey?.name ?? '' });
      expect(await ofFirst.ended).to.equal('TOKEN_INVALID');
      await admin.policy.deleteBinding({ name: binding.name });
      expect(await ofSecond.ended).to.equal('PERMISSION_DENIED');
    });

    it('never shows its secret again', async () => {
      const parent = await anAccount();
      const { token, apiKey } = await admin.identity.createApiKey({ parent, apiKey: { displayName: 'mine' } });
      const secret = token.slice(token.lastIndexOf('_') - 43);

      const seen = [
        await admin.identity.getApiKey({ name: apiKey?.name ?? '' }),
        await admin.identity.listApiKeys({ parent }),
      ];

      const text = JSON.stringify(seen, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
      expect(text).to.include('mine').and.not.include(secret);
    });
  });

  describe('the last owner', () => {
    it('cannot be disabled or deleted', async () => {
      const serviceAccount = { name: 'serviceAccounts/admin', disabled: true };

      expect(await reasonOf(admin.identity.updateServiceAccount({ serviceAccount }))).to.equal('LAST_OWNER');
      expect(await reasonOf(admin.identity.deleteServiceAccount(serviceAccount))).to.equal('LAST_OWNER');
    });

    it('is not one who is disabled', async () => {
      const other = await anAccount({ disabled: true });
      const { name } = await allow(other, 'roles/owner');

      expect(await reasonOf(admin.policy.deleteBinding({ name: 'bindings/first-owner' }))).to.equal('LAST_OWNER');
      await admin.policy.deleteBinding({ name });
    });
  });

  describe('a certificate name', () => {
    it('stands for one account at most', async () => {
      const certificateNames = [`spiffe://example.org/s${serial}`];
      await anAccount({ certificateNames });

      const second = admin.identity.createServiceAccount({
        serviceAccountId: `second-${serial}`,
        serviceAccount: { certificateNames },
      });

      expect(await reasonOf(second)).to.equal('RESOURCE_EXISTS');
    });
  });

  describe('a user', () => {
    const signIn = (user: string, password = PASSWORD) =>
      as().sessions.signIn({ user, password, userAgent: 'test' }, CALL);

    it('signs in and calls with the access token', async () => {
      const user = await aUser();
      await allow(user);

      const { accessToken, session } = await signIn(user);

      await read(as(accessToken));
      const { sessions } = await as(accessToken).sessions.listSessions({ parent: user });
      expect(sessions.map(({ name, userAgent }) => [name, userAgent])).to.deep.equal([[session, 'test']]);
    });

    it('is told the same whether the user, the password or the state is wrong', async () => {
      const user = await aUser();
      await admin.identity.createUser({ userId: `off-${serial}`, user: { disabled: true }, password: PASSWORD });
      await admin.identity.createUser({ userId: `none-${serial}`, user: {} });
      const refused = [
        signIn(user, 'a guess'),
        signIn('users/nobody'),
        signIn(`users/off-${serial}`),
        signIn(`users/none-${serial}`),
        signIn('serviceAccounts/admin'),
      ];

      const errors = await Promise.all(refused.map((promise) => rejection(promise, CallError)));

      const told = errors.map(({ code, message, reason }) => `${code} ${message} ${reason}`);
      expect(told).to.deep.equal(
        told.map(() => `${status.UNAUTHENTICATED} User or password is wrong CREDENTIALS_INVALID`),
      );
    });

    it('is answered over HTTP with as many bytes, under the same headers, whatever is wrong', async () => {
      const name = await aUser();
      const unknown = `users/none-${String(serial).padStart(2, '0')}`.padEnd(name.length, 'x');
      const answers = [];
      for (const user of [name, unknown]) {
        const body = JSON.stringify({ user, password: 'a guess' });
        const headers = { 'content-type': 'application/json', 'x-request-id': randomUUID() };
        const response = await fetch(`${app.http}/v1/sessions:signIn`, { method: 'POST', body, headers });
        const { length } = await response.text();
        answers.push({ length, status: response.status, names: [...response.headers.keys()] });
      }

      expect(answers[1]).to.deep.equal(answers[0]);
    });

    it('has to wait after some failures, known or not, and however many come at once', async function () {
      this.timeout(GUESSES_MS_MAX);
      for (const user of [await aUser(), `users/unknown-${serial}`]) {
        await expectFiveLooks(() => signIn(user, 'a guess'));
      }
    });

    it('does not have to wait after many sign-ins from one address that went well', async function () {
      this.timeout(HOOK_MS_MAX);
      const user = await aUser();

      for (let count = 0; count < 60; count += 1) await signIn(user);
    });

    it('refreshes many times at once, and gets one successor', async () => {
      const user = await aUser();
      await allow(user);
      const first = await signIn(user);

      const many = await Promise.all(
        Array.from({ length: 10 }, () => as().sessions.refreshSession({ refreshToken: first.refreshToken })),
      );

      expect(new Set(many.map(({ refreshToken }) => refreshToken)).size).to.equal(1);
      await read(as(many[9]?.accessToken));
      const third = await as().sessions.refreshSession({ refreshToken: many[0]?.refreshToken ?? '' });
      expect(third.refreshToken).not.to.equal(many[0]?.refreshToken);
    });

    it('keeps no token of a session that was ended', async () => {
      const user = await aUser();
      await allow(user);
      for (const end of [
        ({ refreshToken }: { refreshToken: string }) => as().sessions.signOut({ refreshToken }),
        ({ session }: { session: string }) => admin.sessions.revokeSession({ name: session }),
        () => admin.sessions.revokeAllSessions({ parent: user }),
        () => admin.identity.setPassword({ name: user, password: PASSWORD }),
      ]) {
        const tokens = await signIn(user);
        await read(as(tokens.accessToken));
        await end(tokens);

        await isShutOut(as(tokens.accessToken));
        const refresh = as().sessions.refreshSession({ refreshToken: tokens.refreshToken });
        expect(await reasonOf(refresh)).to.equal('REFRESH_TOKEN_INVALID');
      }
    });

    it('sets a password of their own with the one that is valid, and nobody else’s', async () => {
      const user = await aUser();
      const mine = as((await signIn(user)).accessToken);
      const set = (name: string, currentPassword: string) =>
        mine.identity.setPassword({ name, password: 'another long password', currentPassword });

      expect(await reasonOf(set(user, 'a guess'))).to.equal('CREDENTIALS_INVALID');
      expect(await reasonOf(set('users/nobody', PASSWORD))).to.equal('PERMISSION_DENIED');
      await set(user, PASSWORD);
      expect(await reasonOf(signIn(user))).to.equal('CREDENTIALS_INVALID');
      await signIn(user, 'another long password');
    });

    it('finds out no password by setting another one, however many try at once', async function () {
      this.timeout(GUESSES_MS_MAX);
      const user = await aUser();
      const mine = as((await signIn(user)).accessToken);
      const guess = () =>
        mine.identity.setPassword({ name: user, password: 'another long password', currentPassword: 'a guess' }, CALL);

      await expectFiveLooks(guess);
    });

    it('who is deleted or disabled can do nothing with what they have', async () => {
      const user = await aUser();
      await allow(user);
      const { accessToken, refreshToken } = await signIn(user);
      await admin.identity.updateUser({ user: { name: user, disabled: true }, updateMask: ['disabled'] });

      await isShutOut(as(accessToken));
      expect(await reasonOf(as().sessions.refreshSession({ refreshToken }))).to.equal('REFRESH_TOKEN_INVALID');
      await admin.identity.deleteUser({ name: user });
      await aUser();
      await isShutOut(as(accessToken));
    });
  });
}

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

async function untilItEnds(messages: AsyncIterator<unknown>): Promise<void> {
  while ((await messages.next()).done !== true);
}
