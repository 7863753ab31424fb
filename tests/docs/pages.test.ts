import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { AccessServiceDefinition } from '../../gen/keelson/access/v1/access_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { openDocShell, type DocShell } from '../support/doc-shell.js';

const STEP_MS_MAX = 120_000;

// tests/docs/blocks.test.ts says which blocks these are.
describe('The pages of docs', function () {
  this.timeout(STEP_MS_MAX);
  let app: TestApp;
  let folder: string;
  let shell: DocShell;

  before(async () => {
    app = await startTestApp();
    folder = await mkdtemp(join(tmpdir(), 'keelson-pages-'));
    // What an installed package gives: `npx keelson`, and `keelson` on the path.
    const bin = join(folder, 'node_modules/.bin');
    await mkdir(bin, { recursive: true });
    await symlink(resolve('bin/keelson.mjs'), join(bin, 'keelson'));
    const env = { KEELSON_TOKEN: app.token, KEELSON_ADDRESS: app.address, PATH: `${bin}:${process.env['PATH']}` };
    shell = await openDocShell(folder, { grpc: app.address, http: new URL(app.http).host, env });
  });
  after(async () => {
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
    const asOrders = { ...block, code: `KEELSON_TOKEN=${token}\n${code} -s\nKEELSON_TOKEN=${app.token}` };
    expect(JSON.parse(await shell.follow(asOrders))).to.include({ token_type: 'Bearer' });

    // What the page has in this place is the beginning of another token.
    const ours = revoke.replace('keelson_orders.0199c1', token.slice(0, token.lastIndexOf('_')));
    expect(ours).not.to.equal(revoke);
    await shell.follow({ ...block, code: ours });
    expect(await shell.follow({ ...block, code: list })).not.to.include('documents.*');
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
