// `npm run test:image`: does what deploy/Dockerfile says, instruction by instruction, in folders in place of an image, for a machine
// without a container engine. Then it starts the server as the image would, as a user who owns nothing but the data, and
// asks for its health as the image would. It needs the npm registry.
import './lib/require-node.mjs';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inRoot } from './lib/root.mjs';

const START_MS_MAX = 60_000;
const POLL_MS = 250;
const ALL_MAY_READ = 0o755;
const COPYING = { recursive: true, verbatimSymlinks: true };
const PORTS = ['KEELSON_GRPC_LISTEN', 'KEELSON_HTTP_LISTEN', 'KEELSON_ADMIN_LISTEN'];

/** What each instruction does to its stage. */
const INSTRUCTIONS = {
  WORKDIR: (stage, rest) => {
    stage.workdir = rest;
    mkdirSync(join(stage.root, rest), { recursive: true });
  },
  COPY: copy,
  RUN: runIn,
  ENV: (stage, rest) => {
    for (const [, name, value] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[name] = value;
  },
  USER: (stage, rest) => {
    stage.user = rest.split(':').map(Number);
  },
  ENTRYPOINT: (stage, rest) => {
    stage.entrypoint = JSON.parse(rest);
  },
  CMD: (stage, rest) => {
    stage.command = JSON.parse(rest);
  },
  HEALTHCHECK: (stage, rest) => {
    stage.health = JSON.parse(/CMD (\[.*\])$/.exec(rest)[1]);
  },
  VOLUME: () => {},
  EXPOSE: () => {},
};

const { Failure, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keelson-image-'));
  chmodSync(folder, ALL_MAY_READ);
  try {
    const image = build(folder);
    assertLean(image.root);
    await serve(image);
    console.log('\ntests: 1 passed, 0 failed, 0 skipped');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Goes through the stages. Whatever lies at `/` in an image lies in the folder of its stage here. */
function build(folder) {
  const stages = new Map();
  let stage;
  for (const { word, rest } of readInstructions()) {
    const follow = INSTRUCTIONS[word];
    if (word === 'FROM') stage = beginStage(folder, stages, rest);
    else if (follow === undefined) throw new Failure(`Cannot do "${word}": teach this script to`);
    else follow(stage, rest, stages);
  }
  return stage;
}

function beginStage(folder, stages, rest) {
  const name = / AS (\S+)$/.exec(rest)?.[1] ?? 'image';
  const stage = { root: join(folder, name), workdir: '/', env: {}, user: undefined };
  stages.set(name, stage);
  mkdirSync(stage.root);
  return stage;
}

function readInstructions() {
  const text = readFileSync(inRoot('deploy/Dockerfile'), 'utf8').replaceAll(/\\\n\s*/g, '');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ word: line.split(' ', 1)[0], rest: line.slice(line.indexOf(' ') + 1) }));
}

function copy(stage, rest, stages) {
  const words = rest.split(' ');
  const target = words.at(-1);
  const place = target.startsWith('/') ? join(stage.root, target) : join(stage.root, stage.workdir, target);
  const from = words[0].startsWith('--from=') ? stages.get(words.shift().slice('--from='.length)) : undefined;
  for (const source of words.slice(0, -1)) {
    if (from !== undefined) cpSync(join(from.root, source), endsInFile(from.root, source, place), COPYING);
    else for (const file of contextFiles(source)) cpSync(inRoot(file), join(place, file), COPYING);
  }
}

/** A file keeps its name in a folder; a folder gives what is in it. */
function endsInFile(root, source, place) {
  return source.endsWith('package.json') && existsSync(join(root, source)) ? join(place, 'package.json') : place;
}

/** What git knows of the checkout, or would, save what .dockerignore leaves out. */
function contextFiles(source) {
  const ignored = readFileSync(inRoot('.dockerignore'), 'utf8').trim().split('\n');
  const { stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', source], {
    cwd: inRoot('.'),
    encoding: 'utf8',
  });
  const files = stdout.split('\0').filter((file) => file !== '' && existsSync(inRoot(file)));
  return files.filter((file) => !ignored.includes(file.split('/')[0]));
}

function runIn({ root, workdir }, command) {
  console.log(`RUN ${command}`);
  const here = command.replaceAll(/(?<=\s)\/(?=\w)/g, `${root}/`);
  // Only root can give files away.
  const allowed = isRoot() ? here : here.replace(/ && chown .*$/, '');
  const { status } = spawnSync('sh', ['-c', allowed], { cwd: join(root, workdir), stdio: 'inherit' });
  if (status !== 0) throw new Failure(`Cannot run "${command}", see above`);
}

function assertLean(root) {
  const modules = join(root, 'keelson/node_modules');
  for (const name of ['typescript', 'mocha', '@jongodb', 'oxlint']) {
    if (existsSync(join(modules, name))) throw new Failure(`The image has "${name}", which a server does not need`);
  }
}

async function serve({ root, workdir, env, user, health, entrypoint, command }) {
  const dataDir = join(root, env.KEELSON_DATA_DIR);
  const settings = { ...env, KEELSON_DATA_DIR: dataDir, KEELSON_ALLOW_PLAINTEXT: 'true', KEELSON_LOG_LEVEL: 'warn' };
  for (const name of PORTS) settings[name] = `127.0.0.1:${await freePort()}`;
  // In the image it has the port that the check asks at anyway.
  settings.KEELSON_ADDRESS = settings.KEELSON_GRPC_LISTEN;
  const options = {
    cwd: join(root, workdir),
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, ...settings },
    stdio: 'inherit',
    ...(isRoot() && { uid: user[0], gid: user[1] }),
  };
  const isHealthy = () => spawnSync(health[0], health.slice(1), { ...options, stdio: 'ignore' }).status === 0;
  if (isHealthy()) throw new Failure('The health check is content with a server that is not there');
  const server = spawn(entrypoint[0], [...entrypoint.slice(1), ...command], options);
  const ended = new Promise((resolve) => server.once('close', resolve));
  try {
    const giveUpAt = Date.now() + START_MS_MAX;
    while (!isHealthy()) {
      if (Date.now() > giveUpAt || server.exitCode !== null) throw new Failure('The server does not get healthy');
      await delay(POLL_MS);
    }
    const ready = await fetch(`http://${settings.KEELSON_ADMIN_LISTEN}/readyz`);
    if (!ready.ok) throw new Failure(`The server is healthy, and says ${ready.status} at /readyz`);
  } finally {
    server.kill('SIGTERM');
    if ((await ended) !== 0) console.error('The server did not end well');
  }
  if (server.exitCode !== 0) throw new Failure(`The server ended with code ${server.exitCode}`);
}

function isRoot() {
  return process.getuid?.() === 0;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => void probe.once('listening', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => void probe.close(resolve));
  return port;
}
