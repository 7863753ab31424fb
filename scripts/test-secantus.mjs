// `npm run test:secantus`: runs the suites of the ledger and of the MongoDB engine on SecantusDB, which speaks MongoDB's protocol and keeps
// its data on the WiredTiger engine. It comes from PyPI into .build/, and is only ever started as a server of these tests:
// nothing of it is linked or shipped. Without Python or its package index there is one line that says so, and no failure.
import './lib/require-node.mjs';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PACKAGE = 'secantusdb==0.7.0b3';
const VENV = join('.build', 'secantus');
const SERVER = join(VENV, 'bin', 'secantusd-py');
const SUITES = [
  'contract/ledger-mongo',
  'contract/ledger-retention',
  'contract/query-mongo',
  'contract/store-mongo',
  'faults/crash-points',
  'faults/documents-processes',
  'faults/frozen',
  'faults/cache-mechanisms',
  'faults/cache-processes',
  'faults/mechanisms',
];
const START_MS_MAX = 20_000;

const { prepare } = await import('./lib/prepare.mjs');
const { Failure, runNode, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  if (!install()) {
    console.log(`Skipped the tests on SecantusDB: needs python3 with venv, and a package index that has ${PACKAGE}`);
    return;
  }
  await prepare('all');
  const { port, stop } = await start();
  try {
    process.exitCode = await runNode(
      ['node_modules/mocha/bin/mocha.js', ...SUITES.map((suite) => `dist/tests/${suite}.test.js`)],
      { env: { ...process.env, KEELSON_TEST_MONGODB_URI: `mongodb://127.0.0.1:${port}/` } },
    );
  } finally {
    await stop();
  }
});

/** Tells whether the server is there now. */
function install() {
  if (existsSync(SERVER)) return true;
  const steps = [
    ['python3', '-m', 'venv', VENV],
    [join(VENV, 'bin', 'pip'), 'install', '--quiet', '--disable-pip-version-check', PACKAGE],
  ];
  return steps.every(([command, ...args]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0);
}

async function start() {
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), 'keelson-secantus-'));
  const server = spawn(SERVER, ['--port', String(port), '--storage-path', data, '--sync-on-commit'], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const stop = async () => {
    server.kill('SIGKILL');
    await ended;
    rmSync(data, { recursive: true, force: true });
  };
  const giveUpAt = Date.now() + START_MS_MAX;
  while (!(await answers(port))) {
    if (server.exitCode !== null || Date.now() > giveUpAt) {
      await stop();
      throw new Failure('SecantusDB did not start');
    }
    await delay(100);
  }
  return { port, stop };
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
