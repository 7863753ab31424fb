import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { GO_PLUGINS, generateGo, goEnv, installGoTools } from './go-stubs.mjs';
import { hashOf, readStamp, writeStamp } from './hash.mjs';
import { inRoot } from './root.mjs';

const SOURCES = 'bench/peers/go';
const TARGET = '.build/go-peers';
const PROGRAM = `${TARGET}/peers`;
const STAMP = `${TARGET}/stamp`;
const STEP_MS_MAX = 10 * 60_000;
const PLUGINS = [...GO_PLUGINS, 'github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@v2.27.3'];

/** Builds the peers in Go, which generates what it needs of the contract. Where that cannot be, says so, and they stay out. */
export async function buildGoPeers() {
  const wanted = hashOf([SOURCES, 'bench/proto', 'scripts/lib/go-peers.mjs', 'scripts/lib/go-stubs.mjs']);
  if (readStamp(STAMP) === wanted) return;
  await rm(inRoot(PROGRAM), { force: true });
  try {
    await run('go', ['version']);
  } catch {
    return console.log('The peers grpc-go and grpc-gateway stay out: they need Go (https://go.dev/dl)');
  }
  console.log('Building the peers in Go ...');
  try {
    await build();
  } catch (err) {
    return console.log(`The peers grpc-go and grpc-gateway stay out: cannot build them: ${err.stderr || err.message}`);
  }
  writeStamp(STAMP, wanted);
}

async function build() {
  const target = inRoot(TARGET);
  const env = goEnv(target);
  for (const folder of ['proto', 'go']) await rm(inRoot(TARGET, folder), { recursive: true, force: true });
  await cp(inRoot(SOURCES), inRoot(TARGET, 'go'), { recursive: true });
  await run(inRoot('node_modules/.bin/buf'), ['export', '.', '-o', inRoot(TARGET, 'proto')]);
  await installGoTools(PLUGINS, { env, run });
  const module = 'keelson.test/peers';
  const paths = ['bench', 'keelson/options', 'buf'];
  await generateGo({ build: target, module, paths, foreign: ['google/api'], plugins: ['grpc-gateway'], env, run });
  // With the sums that are committed, and no others.
  const locked = { ...env, GOFLAGS: '-mod=readonly' };
  await run('go', ['build', '-o', inRoot(PROGRAM), '.'], { env: locked, cwd: inRoot(TARGET, 'go') });
}

function run(program, args, options = {}) {
  const limits = { timeout: STEP_MS_MAX, maxBuffer: 16 * 1024 * 1024 };
  return promisify(execFile)(program, args, { cwd: inRoot('.'), ...limits, ...options });
}
