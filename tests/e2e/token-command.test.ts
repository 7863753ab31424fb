import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { AuditServiceDefinition } from '../../gen/keelson/audit/v1/audit_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';

const TEST_MS_MAX = 90_000;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function keelson(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
  const options = { env: { PATH: process.env['PATH'], ...env } };
  const run = promisify(execFile)(process.execPath, ['bin/keelson.mjs', 'token', ...args], options);
  return run.then(
    (output) => ({ ...output, code: 0 }),
    (err: unknown) => err as Ran,
  );
}

describe('keelson token, on the embedded engine', () => testTokens(() => ({})));

describeMongo('keelson token, on MongoDB', (server) =>
  testTokens(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testTokens(engine: () => Readonly<Record<string, string>>): void {
  let dataDir: string;
  let settings: Readonly<Record<string, string>>;
  let server: ServerProcess;

  beforeEach(async function () {
    this.timeout(TEST_MS_MAX);
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-token-'));
    settings = { ...engine(), KEELSON_DATA_DIR: dataDir };
    server = await startServerProcess({ settings });
  });

  afterEach(async function () {
    this.timeout(TEST_MS_MAX);
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const asAdmin = () => ({ KEELSON_ADDRESS: server.address, KEELSON_TOKEN: server.token });
  async function using<T>(token: string, work: (clients: ReturnType<typeof open>) => Promise<T>): Promise<T> {
    const clients = open(server.address, token);
    try {
      return await work(clients);
    } finally {
      for (const client of Object.values(clients)) client.close();
    }
  }
  const reasonOf = async (promise: Promise<unknown>) => (await rejection(promise, CallError)).reason;
  const listDocuments = (token: string) =>
    using(token, ({ documents }) => documents.listDocuments({ parent: 'collections/orders' }));

  it('makes, lists and revokes keys', async function () {
    this.timeout(TEST_MS_MAX);
    const made = await keelson(
      asAdmin(),
      'create',
      'orders',
      '--new-account',
      '--scope',
      'documents.*',
      '--expires',
      '9',
    );
    const token = made.stdout.trim();
    const name = made.stderr.trim();
    expect(made.code, made.stderr).to.equal(0);
    expect(token).to.match(/^keelson_orders\./);
    expect(await reasonOf(listDocuments(token))).to.equal('PERMISSION_DENIED');

    const { stdout: listed } = await keelson(asAdmin(), 'list', 'serviceAccounts/orders');
    expect(listed)
      .to.include(`${name}\tdocuments.*\tends `)
      .and.not.include(token.slice(token.lastIndexOf('_') + 1));
    expect((await keelson(asAdmin(), 'list')).stdout).to.include('serviceAccounts/admin/apiKeys/first\t*\tnever ends');

    expect(await keelson(asAdmin(), 'revoke', token.slice(0, token.indexOf('_', 8)))).to.include({
      code: 0,
      stdout: '',
    });
    expect(await reasonOf(listDocuments(token))).to.equal('TOKEN_INVALID');
    const again = await keelson(asAdmin(), 'revoke', name);
    expect(again).to.include({ code: 1, stdout: '' });
    expect(again.stderr).to.match(/^NOT_FOUND \(RESOURCE_NOT_FOUND\)/);
  });

  it('does not revoke the last key of the last owner', async function () {
    this.timeout(TEST_MS_MAX);
    const refused = await keelson(asAdmin(), 'revoke', 'serviceAccounts/admin/apiKeys/first');

    expect(refused.stderr).to.match(/^FAILED_PRECONDITION \(LAST_OWNER\)/);
    const { stdout } = await keelson(asAdmin(), 'create', 'admin');
    expect(await keelson(asAdmin(), 'revoke', 'serviceAccounts/admin/apiKeys/first')).to.include({ code: 0 });
    await listDocuments(stdout.trim());
  });

  it('recovers from the loss of all administrators, with the store in hand, and says so in the audit', async function () {
    this.timeout(TEST_MS_MAX);
    // Everybody who may do everything is somebody else, of whom nobody has a token.
    await using(server.token, async ({ identity, policy }) => {
      const certificateNames = ['spiffe://example.org/lost'];
      await identity.createServiceAccount({ serviceAccountId: 'lost', serviceAccount: { certificateNames } });
      const bind = (member: string, role: string) => policy.createBinding({ binding: { member, role, resource: '*' } });
      await bind('serviceAccounts/lost', 'roles/owner');
      await bind('serviceAccounts/admin', 'roles/identity-admin');
      await policy.deleteBinding({ name: 'bindings/first-owner' });
      await identity.updateServiceAccount({
        serviceAccount: { name: 'serviceAccounts/admin', disabled: true },
        updateMask: ['disabled'],
      });
    });
    expect(await reasonOf(listDocuments(server.token))).to.equal('TOKEN_INVALID');
    if (engine()['KEELSON_STORE_URL'] === undefined) await server.stop();

    const recovered = await keelson(settings, 'recover');

    const token = recovered.stdout.trim();
    expect(recovered.code, recovered.stderr).to.equal(0);
    if (server.child.exitCode !== null) server = await startServerProcess({ settings });
    await using(token, async ({ identity, audit, documents }) => {
      await documents.listDocuments({ parent: 'collections/orders' });
      await identity.createServiceAccount({ serviceAccountId: 'next', serviceAccount: {} });
      const { auditEntries } = await audit.listAuditEntries({ filter: 'method = "keelson token recover"' });
      expect(auditEntries.map(({ peer }) => peer)).to.have.length(1);
      expect(auditEntries[0]?.peer).to.match(/^user ./);
    });
  });
}

function open(address: string, token: string) {
  const options = { address, token };
  return {
    identity: createClient(IdentityServiceDefinition, options),
    policy: createClient(AccessPolicyServiceDefinition, options),
    documents: createClient(DocumentServiceDefinition, options),
    audit: createClient(AuditServiceDefinition, options),
  };
}
