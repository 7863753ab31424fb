import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { SessionServiceDefinition } from '../../gen/keelson/identity/v1/session_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';

/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
const PASSWORD = 'correct horse battery staple';

describe('getting at more than one has, on the embedded engine', () => testEscalation(() => ({})));

describeMongo('getting at more than one has, on MongoDB', (server) =>
  testEscalation(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

// The clerk administers identities, and may do nothing else.
function testEscalation(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let admin: Clients;
  let clerk: Clients;
  const opened: { close(): void }[] = [];

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    admin = as(app.token);
    const { name } = await admin.createServiceAccount({ serviceAccountId: 'clerk', serviceAccount: {} });
    await admin.createBinding({ binding: { member: name, role: 'roles/identity-admin', resource: '*' } });
    clerk = as((await admin.createApiKey({ parent: name, apiKey: {} })).token);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const client of opened) client.close();
    await app.close();
  });

  function as(token: string): Clients {
    const options = { address: app.address, token };
    const identity = createClient(IdentityServiceDefinition, options);
    const policy = createClient(AccessPolicyServiceDefinition, options);
    const sessions = createClient(SessionServiceDefinition, options);
    opened.push(identity, policy, sessions);
    return { ...identity, ...policy, ...sessions };
  }

  const reasonOf = async (promise: Promise<unknown>) => (await rejection(promise, CallError)).reason;
  const newId = () => `p${randomUUID()}`;
  const bindMore = (member: string) =>
    admin.createBinding({ binding: { member, role: 'roles/viewer', resource: 'collections/orders' } });

  describe('by a certificate name', () => {
    const certificateNames = () => [`spiffe://example.org/${newId()}`];

    async function anAccount(): Promise<string> {
      const { name } = await admin.createServiceAccount({ serviceAccountId: newId(), serviceAccount: {} });
      return name;
    }

    const give = (name: string) =>
      clerk.updateServiceAccount({
        serviceAccount: { name, certificateNames: certificateNames() },
        updateMask: ['certificate_names'],
      });

    it('is refused for an account that may do more, itself or as a member of a group', async () => {
      const [bound, member] = [await anAccount(), await anAccount()];
      await bindMore(bound);
      const { name: group } = await admin.createGroup({ groupId: newId(), group: { members: [member] } });
      await bindMore(group);

      expect(await reasonOf(give(bound))).to.equal('GRANT_EXCEEDS_CALLER');
      expect(await reasonOf(give(member))).to.equal('GRANT_EXCEEDS_CALLER');
      expect((await admin.getServiceAccount({ name: bound })).certificateNames).to.deep.equal([]);
    });

    it('is given to an account that may do no more, and taken from one that may', async () => {
      const name = await anAccount();
      expect((await give(name)).certificateNames).to.have.length(1);
      await bindMore(name);

      const taken = clerk.updateServiceAccount({ serviceAccount: { name }, updateMask: ['certificate_names'] });

      expect((await taken).certificateNames).to.deep.equal([]);
    });

    it('is refused for a new account that has a name to which more is bound', async () => {
      const serviceAccountId = newId();
      await bindMore(`serviceAccounts/${serviceAccountId}`);
      const create = (more: object) => clerk.createServiceAccount({ serviceAccountId, serviceAccount: more });

      expect(await reasonOf(create({ certificateNames: certificateNames() }))).to.equal('GRANT_EXCEEDS_CALLER');
      expect((await create({})).certificateNames).to.deep.equal([]);
    });
  });

  describe('by an API key', () => {
    it('is refused for an account that may do more', async () => {
      const created = clerk.createApiKey({ parent: 'serviceAccounts/admin', apiKey: {} });
      expect(await reasonOf(created)).to.equal('GRANT_EXCEEDS_CALLER');
      const rotated = clerk.rotateApiKey({ name: 'serviceAccounts/admin/apiKeys/first' });
      expect(await reasonOf(rotated)).to.equal('GRANT_EXCEEDS_CALLER');
    });
  });

  describe('by a password', () => {
    async function aUser(): Promise<string> {
      const { name } = await admin.createUser({ userId: newId(), user: {}, password: PASSWORD });
      return name;
    }
    const set = (name: string) => clerk.setPassword({ name, password: 'another long password' });

    it('is refused for a user who may do more, whose own stays valid', async () => {
      const name = await aUser();
      await bindMore(name);

      expect(await reasonOf(set(name))).to.equal('GRANT_EXCEEDS_CALLER');
      await admin.signIn({ user: name, password: PASSWORD });
    });

    it('is set for a user who may do no more', async () => {
      const name = await aUser();
      await set(name);
      await admin.signIn({ user: name, password: 'another long password' });
    });

    it('is refused for a new user who has a name to which more is bound', async () => {
      const userId = newId();
      const { name: binding } = await bindMore(`users/${userId}`);
      const create = (password: string) => clerk.createUser({ userId, user: {}, password });

      expect(await reasonOf(create(PASSWORD))).to.equal('GRANT_EXCEEDS_CALLER');
      await admin.deleteBinding({ name: binding });
      await create(PASSWORD);
    });
  });

  describe('by a token with scopes', () => {
    const parent = 'serviceAccounts/admin';
    const OWN = ['identity.*', 'documents.documents.get'];
    let scoped: Clients;

    before(async () => {
      scoped = as((await admin.createApiKey({ parent, apiKey: { scopes: OWN } })).token);
    });

    it('is refused: a key of the same account that has more', async () => {
      for (const scopes of [[], ['*'], ['documents.*'], [...OWN, 'access.roles.list']]) {
        const made = scoped.createApiKey({ parent, apiKey: { scopes } });
        expect(await reasonOf(made), scopes.join()).to.equal('GRANT_EXCEEDS_CALLER');
      }
      await scoped.createApiKey({ parent, apiKey: { scopes: ['documents.documents.get', 'identity.users.*'] } });
    });

    it('is refused: the next token of such a key, whose own stays valid', async () => {
      const { apiKey, token } = await admin.createApiKey({ parent, apiKey: {} });
      const rotated = scoped.rotateApiKey({ name: apiKey?.name ?? '' });

      expect(await reasonOf(rotated)).to.equal('GRANT_EXCEEDS_CALLER');
      await as(token).getServiceAccount({ name: parent });
      const narrow = await admin.createApiKey({ parent, apiKey: { scopes: OWN } });
      await scoped.rotateApiKey({ name: narrow.apiKey?.name ?? '' });
    });

    it('is refused: a certificate name of the same account', async () => {
      const serviceAccount = { name: parent, certificateNames: [`spiffe://example.org/${newId()}`] };
      const updated = scoped.updateServiceAccount({ serviceAccount, updateMask: ['certificate_names'] });

      expect(await reasonOf(updated)).to.equal('GRANT_EXCEEDS_CALLER');
    });
  });
}

type Clients = ServiceClient<typeof IdentityServiceDefinition> &
  ServiceClient<typeof AccessPolicyServiceDefinition> &
  ServiceClient<typeof SessionServiceDefinition>;
