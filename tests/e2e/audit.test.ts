import { expect } from 'chai';
import { AuditServiceDefinition, type AuditEntry } from '../../gen/keelson/audit/v1/audit_service.js';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { SessionServiceDefinition } from '../../gen/keelson/identity/v1/session_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { rejection } from '../support/rejection.js';

/** Starting and stopping a server includes its database's. */
const HOOK_MS_MAX = 60_000;
const PASSWORD = 'correct horse battery staple';

describe('the audit of a server', () => {
  let app: TestApp;
  let admin: ReturnType<typeof openClients>;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp();
    admin = openClients(app.address, app.token);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    admin.close();
    await app.close();
  });

  const list = async (filter: string) => (await admin.audit.listAuditEntries({ filter })).auditEntries;

  /** Refusals are there within a second or so. */
  async function untilListed(filter: string): Promise<readonly AuditEntry[]> {
    for (;;) {
      const entries = await list(filter);
      if (entries.length > 0) return entries;
    }
  }

  async function aToken(serviceAccountId: string): Promise<string> {
    const { name: parent } = await admin.identity.createServiceAccount({ serviceAccountId, serviceAccount: {} });
    return (await admin.identity.createApiKey({ parent, apiKey: {} })).token;
  }

  it('has who changed what, when, from where and why, newest first and page by page', async () => {
    const since = new Date().toISOString();
    for (const roleId of ['first', 'second', 'third']) await admin.policy.createRole({ roleId, role: {} });
    const filter = `method = "keelson.access.v1.AccessPolicyService/CreateRole" AND time >= "${since}"`;

    const pages: AuditEntry[] = [];
    let pageToken = '';
    do {
      const page = await admin.audit.listAuditEntries({ filter, pageSize: 2, pageToken });
      pages.push(...page.auditEntries);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');

    expect(pages).to.have.length(3);
    const times = pages.map(({ time }) => Number(time?.seconds) * 1000 + Number(time?.nanos) / 1_000_000);
    expect(times).to.deep.equal([...times].sort((a, b) => b - a));
    for (const entry of pages) {
      expect(entry).to.include({ caller: 'serviceAccounts/admin', permission: 'access.roles.create', code: 'OK' });
      expect(entry.peer).to.match(/^127\.0\.0\.1/);
      expect(entry.requestId).not.to.equal('');
    }
  });

  it('has calls that were denied, also those that would have changed nothing', async () => {
    const caller = openClients(app.address, await aToken('denied'));
    try {
      const read = caller.documents.listDocuments({ parent: 'collections/secrets' });
      expect((await rejection(read, CallError)).reason).to.equal('PERMISSION_DENIED');

      const [entry] = await untilListed('caller = "serviceAccounts/denied" AND code = "PERMISSION_DENIED"');

      expect(entry).to.include({ resource: 'collections/secrets', permission: 'documents.documents.list', count: 1 });
    } finally {
      caller.close();
    }
  });

  it('is shown to those alone who may list it', async () => {
    const caller = openClients(app.address, await aToken('curious'));
    try {
      const { reason } = await rejection(caller.audit.listAuditEntries({}), CallError);
      expect(reason).to.equal('PERMISSION_DENIED');
    } finally {
      caller.close();
    }
  });

  it('never has a password or a token', async () => {
    const { name: user } = await admin.identity.createUser({ userId: 'ann', user: {}, password: PASSWORD });
    const tokens = await admin.sessions.signIn({ user, password: PASSWORD });
    await rejection(admin.sessions.signIn({ user, password: `${PASSWORD}, almost` }), CallError);
    const next = await admin.sessions.refreshSession({ refreshToken: tokens.refreshToken });
    await admin.sessions.signOut({ refreshToken: next.refreshToken });
    const key = await aToken('keeper');
    await untilListed('reason = "CREDENTIALS_INVALID"');

    const text = JSON.stringify(await list(''), (_key, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );

    expect(text).to.include('SessionService/SignOut').and.to.include('users/ann');
    for (const secret of [PASSWORD, tokens.refreshToken, next.refreshToken, tokens.accessToken, key]) {
      expect(text.includes(secret), secret.slice(0, 4)).to.equal(false);
    }
  });
});

function openClients(address: string, token: string) {
  const options = { address, token };
  const audit = createClient(AuditServiceDefinition, options);
  const documents = createClient(DocumentServiceDefinition, options);
  const identity = createClient(IdentityServiceDefinition, options);
  const policy = createClient(AccessPolicyServiceDefinition, options);
  const sessions = createClient(SessionServiceDefinition, options);
  return {
    audit,
    documents,
    identity,
    policy,
    sessions,
    close: () => {
      for (const client of [audit, documents, identity, policy, sessions]) client.close();
    },
  };
}
