import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { filesUnder, hashOf, readStamp, writeStamp } from './hash.mjs';
import { inRoot } from './root.mjs';
import { Failure, runNode } from './run.mjs';

/** Describes the calls over HTTP, for programs: what a server with all services serves at /openapi.json. */
export const OPENAPI = 'gen/openapi.json';

const STAMP = '.build/openapi-stamp';
const COMPILED = '.build/openapi';
const IMAGE = 'gen/descriptors.binpb';

// What the document is made by and from.
const ENTRIES = [
  'src/gateway/openapi/document.ts',
  'src/gateway/routes/binding.ts',
  'src/rpc/descriptors.ts',
  'src/rpc/method-table.ts',
];
const INPUTS = ['gen', 'package-lock.json', 'scripts/print-openapi.mjs', 'scripts/lib/describe.mjs'];
const SOURCES = ['src/gateway', 'src/rpc'];

/**
 * Writes gen/openapi.json, where the contracts or the code that reads them have changed. Types are not checked: the
 * contracts have just changed, and code that does not fit them yet must not keep them from being generated.
 */
export const describe = {
  isNeeded: () => readStamp(STAMP) !== stampNow() || !existsSync(inRoot(OPENAPI)),
  async run() {
    console.log(`Describing the contracts in ${OPENAPI} ...`);
    rmSync(inRoot(COMPILED), { recursive: true, force: true });
    const stubs = filesUnder('gen/keelson').filter((path) => path.endsWith('.ts'));
    const options = ['--module', 'nodenext', '--target', 'es2023', '--rootDir', '.', '--outDir', COMPILED];
    const compiler = ['node_modules/typescript/bin/tsc', '--ignoreConfig', '--noCheck', '--skipLibCheck'];
    const code = await runNode([...compiler, ...options, ...ENTRIES, ...stubs]);
    if (code !== 0) throw new Failure(`Cannot compile what describes the contracts: tsc ended with code ${code}`);
    writeDocument(print());
    writeStamp(STAMP, stampNow());
  },
};

const stampNow = () => hashOf([...INPUTS, ...SOURCES]);

function print() {
  const args = ['scripts/print-openapi.mjs', COMPILED, IMAGE];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: inRoot('.'),
    maxBuffer: 256 * 1024 * 1024,
  });
  if (status !== 0) throw new Failure(`Cannot describe the contracts:\n${String(stderr)}`);
  return stdout;
}

/** A document that is the same is left alone. */
function writeDocument(next) {
  const path = inRoot(OPENAPI);
  if (!existsSync(path) || !readFileSync(path).equals(next)) writeFileSync(path, next);
}
