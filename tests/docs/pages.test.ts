import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { AccessServiceDefinition } from '../../gen/keelson/access/v1/access_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { openDocShell, type DocShell } from '../support/doc-shell.js';
import { freePort } from '../support/free-port.js';
import { runDocBlock } from '../support/run-doc-block.js';

const STEP_MS_MAX = 120_000;

// tests/docs/blocks.test.ts says which blocks these are.
describe('The pages of docs', function () {
  this.timeout(STEP_MS_MAX);
  let app: TestApp;
  let folder: string;
  let shell: DocShell;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keelson-pages-'));
    const dataDir = join(folder, '.keelson');
    app = await startTestApp({ KEELSON_DATA_DIR: dataDir });
    // What an installed package gives: `npx keelson`, and `keelson` on the path.
    const bin = join(folder, 'node_modules/.bin');
    await mkdir(bin, { recursive: true });
    await symlink(resolve('bin/keelson.mjs'), join(bin, 'keelson'));
    const env = {
      KEELSON_TOKEN: app.token,
      KEELSON_ADDRESS: app.address,
      KEELSON_DATA_DIR: dataDir,
      PATH: `${bin}:${process.env['PATH']}`,
    };
    shell = await openDocShell(folder, { grpc: app.address, http: new URL(app.http).host, env });
  });
  after(async () => {
    await shell.close();
    await app.close();
    await rm(folder, { recursive: true, force: true });
  });

  function blockOf(page: string, words: string): DocBlock {
    const [block, ...others] = readDocBlocks(page).filter(({ code }) => code.includes(words));
    if (block === undefined || others.length > 0) throw new Error(`${page} must have one block with "${words}"`);
    return block;
  }

  it('docs/access.md: has a condition that decides as it says', async () => {
    const options = { address: app.address, token: app.token };
    const policy = createClient(AccessPolicyServiceDefinition, options);
    const access = createClient(AccessServiceDefinition, options);
    const expression = blockOf('docs/access.md', 'request.time').code;
    const member = 'users/ada';
    await policy.createBinding({
      binding: { member, role: 'roles/viewer', resource: 'collections/orders', condition: { expression } },
    });
    const may = async (id: string) => {
      const resource = `collections/orders/documents/${id}`;
      const check = { principal: member, permission: 'documents.documents.get', resource };
      return (await access.checkAccess({ check })).allowed;
    };
    expect([await may('eu-1'), await may('us-1')]).to.deep.equal([true, false]);
    policy.close();
    access.close();
  });

  it('docs/access.md: has commands that give access, say why, and show who was refused', async () => {
    const told = await shell.follow(blockOf('docs/access.md', 'ExplainAccess'));
    expect(told).to.include('"allowed": true').and.include('"VERDICT_GRANTS"');

    await shell.follow(blockOf('docs/access.md', 'ListAuditEntries'));
  });

  it('docs/documents.md: declares a collection that refuses what its schema does, and the same number twice', async () => {
    await shell.follow(blockOf('docs/documents.md', 'CreateIndex'));
    const reasonOf = async (fields: object) => {
      const headers = { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' };
      const url = `${app.http}/v1/collections/invoices/documents`;
      const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ fields }) });
      const { error } = (await answer.json()) as Partial<Failure>;
      return (error?.details[0] as { readonly reason: string } | undefined)?.reason;
    };

    expect(await reasonOf({ number: 1 })).to.equal(undefined);
    expect(await reasonOf({ number: 1 })).to.equal('UNIQUE_CONFLICT');
    expect(await reasonOf({ until: '2030-01-01T00:00:00Z' })).to.equal('INVALID_REQUEST');
  });

  it('docs/documents.md: imports and exports a file by its commands', async () => {
    await writeFile(join(folder, 'orders.ndjson'), '{"order_no": 17, "state": "open"}\n');

    await shell.follow(blockOf('docs/documents.md', '--id-field'));

    const exported = await shell.follow({ ...blockOf('docs/documents.md', '--id-field'), code: 'cat orders.ndjson' });
    expect(JSON.parse(exported)).to.deep.equal({ order_no: '17', state: 'open' });
  });

  it('docs/gateway.md: reads documents, and is told of what is missing, as it shows', async () => {
    const block = blockOf('docs/gateway.md', 'prettyPrint');
    expect(await shell.follow(block)).to.match(/^ {2}"documents": \[|^\{\}$/m);

    const shown = JSON.parse(blockOf('docs/gateway.md', 'RESOURCE_NOT_FOUND').code) as Failure;
    const url = `${app.http}/v1/collections/notes/documents/first`;
    const told = await fetch(url, { headers: { authorization: `Bearer ${app.token}` } });
    const { error } = (await told.json()) as Failure;
    expect(error).to.deep.include({ code: shown.error.code, message: shown.error.message, status: shown.error.status });
    expect(error.details[0]).to.deep.include(shown.error.details[0]);
  });

  it('docs/identity.md: makes, lists and revokes tokens, and gets one by OAuth 2.0', async () => {
    const block = blockOf('docs/identity.md', 'token create');
    const [create = '', list = '', revoke = ''] = block.code.split('\n');
    const token = /^keelson_orders\.\S+$/m.exec(await shell.follow({ ...block, code: create }))?.[0] ?? '';
    expect(await shell.follow({ ...block, code: list })).to.include('documents.*');

    const { code } = blockOf('docs/identity.md', 'client_credentials');
    const asOrders = { ...block, code: `ORDERS_TOKEN=${token}\n${code} -s` };
    expect(JSON.parse(await shell.follow(asOrders))).to.include({ token_type: 'Bearer' });

    // What the page has in this place is the beginning of another token.
    const ours = revoke.replace('keelson_orders.0199c1', token.slice(0, token.lastIndexOf('_')));
    expect(ours).not.to.equal(revoke);
    await shell.follow({ ...block, code: ours });
    expect(await shell.follow({ ...block, code: list })).not.to.include('documents.*');
  });

  it('docs/identity.md: makes a user, who signs in', async () => {
    expect(await shell.follow(blockOf('docs/identity.md', 'CreateUser'))).to.match(/"accessToken": *"/);
  });

  it('docs/identity.md: signs in with a cookie, and refreshes it, by the code of a page', async () => {
    const identity = createClient(IdentityServiceDefinition, { address: app.address, token: app.token });
    const policy = createClient(AccessPolicyServiceDefinition, { address: app.address, token: app.token });
    const block = blockOf('docs/identity.md', 'x-keelson-session');
    const password = 'correct horse battery staple';
    await identity.createUser({ userId: 'grace', user: {}, password });
    await policy.createBinding({ binding: { member: 'users/grace', role: 'roles/viewer', resource: '*' } });
    identity.close();
    policy.close();
    const statuses: number[] = [];
    let cookie = '';
    /** As a browser does for a page of that origin. */
    const fetchInPage = async (path: string, { headers, ...init }: { headers: Record<string, string> }) => {
      const ofBrowser = { 'sec-fetch-site': 'same-origin', ...(cookie !== '' && { cookie }) };
      const answer = await fetch(`${app.http}${path}`, { ...init, headers: { ...headers, ...ofBrowser } });
      cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? cookie;
      statuses.push(answer.status);
      await answer.arrayBuffer();
    };

    await runDocBlock(
      { ...block, code: block.code.replaceAll('users/ada', 'users/grace') },
      { fetch: fetchInPage, password },
    );

    expect(statuses).to.deep.equal([200, 200, 200]);
  });

  it('docs/gateway.md: shows the methods of a server from another port', async () => {
    const block = blockOf('docs/gateway.md', 'keelson gateway');
    const at = `127.0.0.1:${await freePort()}`;
    await shell.follow({ ...block, code: block.code.replace('127.0.0.1:8081', at) });

    const answer = await fetch(`http://${at}/v1/collections/notes/documents`, {
      headers: { authorization: `Bearer ${app.token}` },
    });
    expect(answer.status).to.equal(200);
  });

  it('docs/operations.md: takes a backup into a folder that it makes, and restores it', async () => {
    const taken = await shell.follow(blockOf('docs/operations.md', 'keelson backup'));
    const [, note = ''] = /^note (\S+)$/m.exec(taken) ?? [];
    const block = blockOf('docs/operations.md', 'keelson restore');
    const code = block.code.replace(/--note \S+/, `--note ${note}`);

    expect(code).not.to.equal(block.code);
    expect(await shell.follow({ ...block, code })).to.equal(taken);
  });
});

interface Failure {
  readonly error: {
    readonly code: number;
    readonly message: string;
    readonly status: string;
    readonly details: readonly object[];
  };
}
