// `npm run test:package`: packs the package, installs it into an empty folder as another team would, compiles a client there against
// its types, starts its server and calls it. It needs the npm registry, for what the package depends on.
import './lib/require-node.mjs';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inRoot } from './lib/root.mjs';

const START_MS_MAX = 30_000;

const { prepare } = await import('./lib/prepare.mjs');
const { Failure, run, runNode, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  await prepare('server');
  const folder = mkdtempSync(join(tmpdir(), 'keelson-package-'));
  try {
    await installInto(folder);
    await compileClient(folder);
    const { address, token, stop } = await startServer(folder);
    try {
      await check(runNode([join(folder, 'client.js'), address, token]), 'call the installed server');
    } finally {
      await stop();
    }
    console.log('\ntests: 1 passed, 0 failed, 0 skipped');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function installInto(folder) {
  const npm = (...args) => run('npm', [...args, '--loglevel=error', '--ignore-scripts']);
  mkdirSync(join(folder, 'packed'));
  await check(npm('pack', '--silent', '--pack-destination', join(folder, 'packed')), 'pack the package');
  const [tarball = ''] = readdirSync(join(folder, 'packed'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'another', private: true, type: 'module' }));
  const options = ['--prefix', folder, '--no-audit', '--no-fund', '--prefer-offline'];
  await check(npm('install', ...options, join(folder, 'packed', tarball)), 'install the package');
}

/** With the compiler and the types of Node of this checkout, and what else comes with the package alone. */
async function compileClient(folder) {
  copyFileSync(inRoot('tests/package/client.ts'), join(folder, 'client.ts'));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [inRoot('node_modules/@types')],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['client.ts'] }));
  await check(
    runNode([inRoot('node_modules/typescript/bin/tsc'), '-p', folder]),
    'compile a client against the package',
  );
}

async function startServer(folder) {
  const dataDir = join(folder, 'data');
  const server = spawn(process.execPath, [join(folder, 'node_modules/keelson/bin/keelson.mjs'), 'serve'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      KEELSON_GRPC_LISTEN: '127.0.0.1:0',
      KEELSON_HTTP_LISTEN: '127.0.0.1:0',
      KEELSON_DATA_DIR: dataDir,
      KEELSON_LOG_LEVEL: 'warn',
      KEELSON_SETTLE_MS: '0',
    },
  });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const stop = async () => {
    server.kill('SIGTERM');
    if ((await ended) !== 0) throw new Failure('The installed server did not end well');
  };
  const address = await readAddress(server).catch(async (err) => {
    server.kill('SIGKILL');
    await ended;
    throw err;
  });
  return { address, token: readFileSync(join(dataDir, 'admin-token'), 'utf8').trim(), stop };
}

function readAddress(server) {
  return new Promise((resolve, reject) => {
    let said = '';
    const giveUp = (why) => reject(new Failure(`The installed server did not start: ${why}\n${said}`));
    const timer = setTimeout(() => giveUp('it was not ready in time'), START_MS_MAX).unref();
    server.once('close', (code) => giveUp(`it ended with code ${code}`));
    server.stdout.on('data', (piece) => {
      said += piece;
      const found = /keelson ready grpc=(\S+)/.exec(said);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found[1]);
    });
  });
}

async function check(code, what) {
  if ((await code) !== 0) throw new Failure(`Cannot ${what}, see above`);
}
