// `npm run test:polyglot`: clients that the own tools of Go, Python and Java generate from the contracts, and the tools that
// operators use, against a server as `npm start` runs it. Skips, with a line, what wants a language that is not there, or does
// not reach its registry; where KEELSON_TEST_REQUIRE names it (go, python, java), it fails.
import './lib/require-node.mjs';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const { GO_PLUGINS, generateGo, goEnv, installGoTools } = await import('./lib/go-stubs.mjs');
const { prepare } = await import('./lib/prepare.mjs');
const { inRoot } = await import('./lib/root.mjs');
const { Failure, runScript } = await import('./lib/run.mjs');

const BUILD = inRoot('.build/polyglot');
const STEP_MS_MAX = 15 * 60_000;

/** Pinned, so that a new release of somebody else breaks nothing here. */
const GO_TOOLS = [
  ...GO_PLUGINS,
  'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3',
  'github.com/grpc-ecosystem/grpc-health-probe@v0.4.40',
];

const GRPCDEBUG = 'github.com/grpc-ecosystem/grpcdebug@v1.2.0';

/** By what a language's own tool shows that it is there, and reaches the registry that its packages come from. */
const PROBES = {
  go: ['go', 'list', '-m', '-versions', 'google.golang.org/grpc'],
  python: ['python3', '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', join(BUILD, 'probe'), 'six'],
  java: ['mvn', '-q', '-B', 'dependency:get', '-Dartifact=junit:junit:4.13.2'],
};
const PROBE_MS_MAX = 120_000;

const counts = { passed: 0, failed: 0, skipped: 0 };

await runScript(async () => {
  await prepare('server');
  await exportContracts();
  const server = await startServer();
  try {
    await group('go', () => testGo(server));
    await group('python', () => testPython(server));
    await group('java', () => testJava(server));
  } finally {
    await server.stop();
  }
  console.log(`\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  if (counts.failed > 0) throw new Failure('Not all clients get what they are promised');
});

async function group(language, test) {
  const [program, ...args] = PROBES[language];
  const probe = spawnSync(program, args, { cwd: tmpdir(), stdio: 'ignore', timeout: PROBE_MS_MAX });
  if (probe.status === 0) return test();
  const required = (process.env.KEELSON_TEST_REQUIRE ?? '').split(',');
  const why = `"${program}" is not on this machine, or does not reach its registry`;
  if (required.includes(language)) {
    counts.failed += 1;
    console.log(`Cannot run the client in ${language}, and KEELSON_TEST_REQUIRE wants it: ${why}`);
  } else {
    counts.skipped += 1;
    console.log(`Skipped the client in ${language}: ${why}`);
  }
}

async function testGo(server) {
  const env = goEnv(BUILD);
  const bin = env.GOBIN;
  await installGoTools(GO_TOOLS, { env, run });
  await check('a client that Go generates', async () => {
    const folder = join(BUILD, 'go');
    await rm(folder, { recursive: true, force: true });
    await cp(inRoot('tests/polyglot/go'), folder, { recursive: true });
    const paths = ['keelson', 'google/api', 'google/longrunning', 'buf'];
    await generateGo({ build: BUILD, module: 'keelson.test/client', paths, env, run });
    await run('go', ['build', '-o', 'client', '.'], { env, cwd: folder });
    return run(join(folder, 'client'), [], { env: server.env });
  });
  await check('ext_authz, by the contracts of Envoy itself', async () => {
    const folder = join(BUILD, 'envoy');
    await rm(folder, { recursive: true, force: true });
    await cp(inRoot('tests/polyglot/envoy'), folder, { recursive: true });
    await run('go', ['build', '-o', 'client', '.'], { env, cwd: folder });
    return run(join(folder, 'client'), [], { env: { ...server.env, POLYGLOT_ENVOY_ROUTE: await envoyRoute() } });
  });
  const at = server.address;
  const authorization = `authorization: Bearer ${server.token}`;
  const grpcurl = (...args) => run(join(bin, 'grpcurl'), ['-plaintext', ...args]);
  await check('grpcurl lists', async () =>
    expectText(await grpcurl(at, 'list'), 'keelson.documents.v1.DocumentService'),
  );
  await check('grpcurl describes', async () =>
    expectText(await grpcurl(at, 'describe', 'keelson.documents.v1.DocumentService'), 'rpc GetDocument'),
  );
  await check('grpcurl calls', async () => {
    const method = 'keelson.documents.v1.DocumentService/ListDocuments';
    const data = '{"parent": "collections/polyglot"}';
    return expectText(await grpcurl('-H', authorization, '-d', data, at, method), '{');
  });
  await check('grpc_health_probe', async () =>
    expectText(await run(join(bin, 'grpc-health-probe'), [`-addr=${at}`]), 'SERVING'),
  );
  await testGrpcdebug(at, env);
}

/** What docs/access.md says for a route, as JSON and without its own type, which the client knows. */
async function envoyRoute() {
  const { parse } = await import('yaml');
  const [, yaml = ''] = /^```yaml\n(typed_per_filter_config:\n.*?)^```$/ms.exec(
    await readFile(inRoot('docs/access.md'), 'utf8'),
  );
  const { '@type': type, ...route } = parse(yaml).typed_per_filter_config['envoy.filters.http.ext_authz'];
  if (!type.endsWith('.ExtAuthzPerRoute')) throw new Failure(`docs/access.md has settings of another type: ${type}`);
  return JSON.stringify(route);
}

/** Not every module proxy has it. */
async function testGrpcdebug(address, env) {
  try {
    await installGoTools([GRPCDEBUG], { env, run });
  } catch (err) {
    counts.skipped += 1;
    return console.log(`  Skipped grpcdebug: cannot install ${GRPCDEBUG}: ${String(err.stderr).split('\n')[0]}`);
  }
  await check('grpcdebug', async () =>
    expectText(await run(join(env.GOBIN, 'grpcdebug'), [address, 'health']), 'SERVING'),
  );
}

async function testPython(server) {
  const venv = join(BUILD, 'venv');
  await run('python3', ['-m', 'venv', venv]);
  const python = join(venv, 'bin/python');
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', inRoot('tests/polyglot/python/requirements.txt')]);
  await check('a client that Python generates', async () => {
    const folder = join(BUILD, 'python');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    const proto = join(BUILD, 'proto');
    const files = (await run('find', [proto, '-name', '*.proto'])).split('\n').filter(isForPython);
    const outputs = ['-I', proto, `--python_out=${folder}`, `--grpc_python_out=${folder}`];
    await run(python, ['-m', 'grpc_tools.protoc', ...outputs, ...files]);
    const env = { ...process.env, ...server.env, PYTHONPATH: folder };
    return run(python, [inRoot('tests/polyglot/python/client.py')], { env });
  });
}

/** From the tarball of the contracts alone, as docs/clients.md has it. */
async function testJava(server) {
  await check('a client that Java generates', async () => {
    const folder = join(BUILD, 'java');
    await rm(folder, { recursive: true, force: true });
    await cp(inRoot('tests/polyglot/java'), folder, { recursive: true });
    const packed = await run(process.execPath, [inRoot('scripts/contracts.mjs')]);
    const tarball = /^(\S+\.tgz): /m.exec(packed)?.[1] ?? '';
    await run('tar', ['-xzf', inRoot(tarball), '-C', folder]);
    await run('mvn', ['-q', '-B', 'compile'], { cwd: folder });
    return run('mvn', ['-q', '-B', 'exec:java'], { cwd: folder, env: { ...process.env, ...server.env } });
  });
}

/** The packages of grpcio bring google.rpc themselves, and `grpc` is their own name. */
function isForPython(path) {
  return /\/(keelson|buf|health)\//.test(path) || /\/google\/api\//.test(path);
}

async function exportContracts() {
  await rm(join(BUILD, 'proto'), { recursive: true, force: true });
  await mkdir(BUILD, { recursive: true });
  await buf(['export', '.', '-o', join(BUILD, 'proto')]);
}

/** A server as `npm start` runs it, on ports and a data directory of its own. */
async function startServer() {
  const dataDir = await mkdtemp(join(tmpdir(), 'keelson-polyglot-'));
  const settings = {
    KEELSON_GRPC_LISTEN: '127.0.0.1:0',
    KEELSON_HTTP_LISTEN: '127.0.0.1:0',
    KEELSON_DATA_DIR: dataDir,
  };
  const child = spawn(process.execPath, [inRoot('scripts/start.mjs')], {
    env: { ...process.env, ...settings, KEELSON_LOG_LEVEL: 'warn', KEELSON_TEST_REQUIRE: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^keelson ready grpc=(\S+) /.exec(line)?.[1];
    if (address === undefined) continue;
    const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
    const stop = async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    };
    return { address, token, stop, env: { POLYGLOT_ADDRESS: address, POLYGLOT_TOKEN: token } };
  }
  throw new Failure('The server ended before it was ready');
}

function buf(args, options) {
  return run(inRoot('node_modules/.bin/buf'), args, options);
}

async function run(program, args, options = {}) {
  const { stdout, stderr } = await promisify(execFile)(program, args, {
    cwd: inRoot('.'),
    timeout: STEP_MS_MAX,
    maxBuffer: 16 * 1024 * 1024,
    ...options,
  });
  return `${stdout}${stderr}`;
}

async function check(what, test) {
  try {
    await test();
    counts.passed += 1;
    console.log(`  passed: ${what}`);
  } catch (err) {
    counts.failed += 1;
    console.log(`  FAILED: ${what}\n${err.stderr ?? ''}${err.stdout ?? ''}${err.stack}`);
  }
}

function expectText(output, text) {
  if (!output.includes(text)) throw new Error(`expected "${text}" in:\n${output}`);
  return output;
}
