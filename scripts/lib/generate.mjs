import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { OPENAPI } from './describe.mjs';
import { filesUnder, hashOf, readStamp, writeStamp } from './hash.mjs';
import { inRoot } from './root.mjs';
import { Failure, runNode } from './run.mjs';

const STAMP = '.build/gen-stamp';
const NEXT = '.build/gen-next';
const IMAGE = 'descriptors.binpb';
const BUF = 'node_modules/@bufbuild/buf/bin/buf';

const INPUTS = [
  'proto',
  'bench/proto',
  'buf.yaml',
  'buf.gen.yaml',
  'package-lock.json',
  'scripts/print-validate-proto.mjs',
  'scripts/lib/generate.mjs',
];

// What the image holds, besides everything that these import. The server answers reflection from it.
const CONTRACTS = [
  'proto/keelson',
  'proto/envoy',
  'node_modules/google-proto-files/google/longrunning/operations.proto',
  'node_modules/google-proto-files/google/rpc/error_details.proto',
  'node_modules/google-proto-files/google/rpc/status.proto',
  'node_modules/grpc-health-check/proto/health',
  'node_modules/@grpc/reflection/build/proto/grpc',
  'node_modules/@grpc/grpc-js/proto/channelz.proto',
];

// The contract that benchmarks call is no part of the product: its image is beside the build, and holds the others too.
const BENCH_CONTRACTS = 'bench/proto/bench';
const BENCH_IMAGE = `.build/bench/${IMAGE}`;

/** Generates gen/ from the contracts, where the contracts, the generators or gen/ have changed since the last time. */
export const generate = {
  isNeeded: () =>
    readStamp(STAMP) !== stampNow() || !['.build/proto', BENCH_IMAGE].every((path) => existsSync(inRoot(path))),
  async run() {
    console.log('Generating gen/ from the contracts ...');
    rmSync(inRoot(NEXT), { recursive: true, force: true });
    mkdirSync(inRoot(NEXT), { recursive: true });
    await step(['scripts/print-validate-proto.mjs', '.build/proto']);
    await generateStubs(CONTRACTS, `${NEXT}/${IMAGE}`, `${NEXT}/stubs`);
    renameSync(inRoot(NEXT, IMAGE), inRoot(NEXT, 'stubs/gen', IMAGE));
    replaceFolder(`${NEXT}/stubs/gen`, 'gen');
    mkdirSync(inRoot('.build/bench'), { recursive: true });
    await generateStubs([...CONTRACTS, BENCH_CONTRACTS], BENCH_IMAGE, `${NEXT}/bench`);
    replaceFolder(`${NEXT}/bench/gen/bench`, 'bench/gen/bench');
    writeStamp(STAMP, stampNow());
  },
};

const stampNow = () =>
  `${hashOf(INPUTS)} ${hashOf([...filesUnder('gen').filter((path) => path !== OPENAPI), 'bench/gen'])}`;

async function generateStubs(contracts, image, folder) {
  const paths = contracts.flatMap((path) => ['--path', path]);
  await step([BUF, 'build', ...paths, '--as-file-descriptor-set', '-o', image]);
  await step([BUF, 'generate', image, '-o', folder]);
}

async function step(args) {
  const code = await runNode(args);
  if (code !== 0)
    throw new Failure(`Cannot generate gen/: "${args.slice(0, 2).join(' ')}" ended with code ${code}, see above`);
}

/**
 * Makes one folder like another, file by file. A file that is the same is left alone, one that has vanished is removed.
 * The document that another step makes of the same contracts stays.
 */
function replaceFolder(from, to) {
  const wanted = new Set();
  for (const path of filesUnder(from)) {
    const target = inRoot(to, relative(from, path));
    wanted.add(target);
    if (existsSync(target) && readFileSync(target).equals(readFileSync(inRoot(path)))) continue;
    mkdirSync(dirname(target), { recursive: true });
    renameSync(inRoot(path), target);
  }
  for (const path of filesUnder(to)) {
    if (path !== OPENAPI && !wanted.has(inRoot(path))) rmSync(inRoot(path));
  }
}
