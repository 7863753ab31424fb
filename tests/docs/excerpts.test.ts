import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { DescService } from '@bufbuild/protobuf';
import { createClient as createConnectClient, type Client } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import { expect } from 'chai';
import { parse } from 'yaml';
import { AuthorizationDefinition } from '../../gen/envoy/service/auth/v3/external_auth.js';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { listFiles, readText } from '../support/repository.js';
import { requireTool } from '../support/require-tool.js';
import { runDocBlock } from '../support/run-doc-block.js';

const HOOK_MS_MAX = 60_000;

function blockOf(page: string, words: string): DocBlock {
  const [block, ...others] = readDocBlocks(page).filter(({ code }) => code.includes(words));
  if (block === undefined || others.length > 0) throw new Error(`${page} must have one block with "${words}"`);
  return block;
}

describe('Parts of programs and settings in the pages', function () {
  this.timeout(HOOK_MS_MAX);
  let app: TestApp;

  before(async () => {
    app = await startTestApp();
  });
  after(() => app.close());

  it('docs/gateway.md: makes a typed browser client, which reads by GET', async () => {
    const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
    const DocumentService = registry.getService('keelson.documents.v1.DocumentService');
    const block = blockOf('docs/gateway.md', 'useHttpGet');
    const code = block.code.replace('http://127.0.0.1:8080', app.http);
    const methods: unknown[] = [];
    const given = {
      createClient: createConnectClient,
      createConnectTransport: (options: Parameters<typeof createConnectTransport>[0]) =>
        createConnectTransport({
          ...options,
          fetch: (input, init) => {
            methods.push(init?.method);
            return fetch(input, init);
          },
        }),
      DocumentService,
    };
    const documents = (await runDocBlock({ ...block, code }, given, 'documents')) as Client<DescService> & Lists;

    const headers = { authorization: `Bearer ${app.token}` };
    const { documents: found } = await documents.listDocuments({ parent: 'collections/notes' }, { headers });

    expect([code === block.code, found, methods]).to.deep.equal([false, [], ['GET']]);
  });

  it('docs/access.md: has settings of a route by which Envoy is told who may pass', async () => {
    const options = { address: app.address, token: app.token };
    const policy = createClient(AccessPolicyServiceDefinition, options);
    const identity = createClient(IdentityServiceDefinition, options);
    const authorization = createClient(AuthorizationDefinition, options);
    const { name: member } = await identity.createServiceAccount({ serviceAccountId: 'shop', serviceAccount: {} });
    const { token } = await identity.createApiKey({ parent: member, apiKey: {} });
    await policy.createRole({ roleId: 'shoppers', role: { permissions: ['orders.orders.get'] } });
    await policy.createBinding({ binding: { member, role: 'roles/shoppers', resource: 'orders/o-17' } });
    const settings = parse(blockOf('docs/access.md', 'context_extensions').code) as RouteSettings;
    const route = settings.typed_per_filter_config['envoy.filters.http.ext_authz'].check_settings.context_extensions;
    const codeOf = async (path: string) => {
      const request = { http: { method: 'GET', path, headers: new Map([['authorization', `Bearer ${token}`]]) } };
      const attributes = { request, contextExtensions: new Map(Object.entries(route)) };
      return (await authorization.check({ attributes })).status?.code;
    };

    expect(await codeOf('/api/orders/o-17?view=full')).to.equal(0);
    expect(await codeOf('/api/orders/o-18')).to.equal(7);
    for (const client of [policy, identity, authorization]) client.close();
  });
});

describe('ARCHITECTURE.md', () => {
  before(requireTool('git'));

  it('draws parts that are there, each of which imports those below it and none above', () => {
    const [drawing] = readDocBlocks('ARCHITECTURE.md');
    const drawn = [...(drawing?.code ?? '').matchAll(/^ {16,}([a-z]+) {2,}/gm)].map(([, part = '']) => part);
    expect(drawn).to.deep.equal(['services', 'repositories', 'ledger', 'store']);
    const sources = listFiles().filter((path) => path.startsWith('src/') && path.endsWith('.ts'));
    const imports = (from: string, to: string) =>
      sources.filter((path) => path.startsWith(`src/${from}/`) && readText(path).includes(`/${to}/`));
    for (const [at, part] of drawn.entries()) {
      for (const above of drawn.slice(0, at))
        expect(imports(part, above), `${part} imports ${above}`).to.deep.equal([]);
      const below = drawn[at + 1];
      if (below !== undefined) expect(imports(part, below), `${part} does not import ${below}`).not.to.deep.equal([]);
    }
    for (const part of ['rpc/grpc', 'gateway']) {
      expect(drawing?.code).to.include(part);
      expect(sources.some((path) => path.startsWith(`src/${part}/`))).to.equal(true);
    }
  });
});

// Measuring takes minutes: CI does it by "npm run bench:check". Here all that is measured is how fast cases are listed.
describe('bench/README.md', function () {
  this.timeout(HOOK_MS_MAX);

  it('gives commands that are there, with options that they take', async () => {
    const { scripts } = JSON.parse(readText('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    const [commands] = readDocBlocks('bench/README.md');
    for (const line of commands?.code.split('\n') ?? []) {
      const [, name = '', args = ''] = /^npm run (\S+)(?: -- (.*?))? +#/.exec(line) ?? [];
      expect(scripts[name], line).to.match(/^node scripts\/bench\.mjs/);
      const [, option] = (scripts[name] ?? '').split(' --');
      if (option === 'profile' || option === 'stages') {
        expect(listFiles()).to.include(`bench/${option}.ts`);
        continue;
      }
      const words = [
        ...(option === undefined ? [] : [`--${option}`]),
        ...args.split(' ').filter((word) => word !== ''),
      ];
      const { stdout } = await promisify(execFile)(process.execPath, ['dist/bench/main.js', ...words, '--list']);
      const cases = words.filter((_, at) => words[at - 1] === '--case');
      for (const one of ['echo', ...cases]) expect(stdout).to.match(new RegExp(`^${one} `, 'm'));
    }
  });
});

interface Lists {
  listDocuments(request: object, options: object): Promise<{ readonly documents: readonly object[] }>;
}

interface RouteSettings {
  readonly typed_per_filter_config: {
    readonly 'envoy.filters.http.ext_authz': {
      readonly check_settings: { readonly context_extensions: Readonly<Record<string, string>> };
    };
  };
}
