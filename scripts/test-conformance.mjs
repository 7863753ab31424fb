// `npm run test:conformance`: runs the conformance suite of Connect (https://github.com/connectrpc/conformance) against the shim and
// against the gRPC transports, and h2spec (https://github.com/summerwind/h2spec) against the HTTP/2 that is ours, with no list of cases
// that may fail. The runners and the contract come from the Go module proxy into .build/. Without Go there is one line that says so, and no failure, unless KEELSON_TEST_REQUIRE names go.
import './lib/require-node.mjs';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MODULE = 'connectrpc.com/conformance';
const VERSION = 'v1.0.7';
const FOLDER = join('.build', 'conformance', VERSION);
const RUNNER = join(FOLDER, 'connectconformance');
const H2SPEC_MODULE = 'github.com/summerwind/h2spec';
const H2SPEC_VERSION = 'v2.2.1+incompatible';
const H2SPEC = join(FOLDER, 'h2spec');
const IMAGE = join(FOLDER, 'image.binpb');
const SERVER = ['node', '--disable-proto=delete', join('dist', 'tests', 'conformance', 'server.js'), IMAGE];
const RUN_SECONDS_MAX = 240;

const GRPC_FEATURES = {
  versions: ['HTTP_VERSION_2'],
  protocols: ['PROTOCOL_GRPC'],
  codecs: ['CODEC_PROTO'],
  compressions: ['COMPRESSION_IDENTITY', 'COMPRESSION_GZIP'],
  supportsTls: false,
};

/** What is claimed to be spoken; nothing that is claimed may fail. */
const SUITES = [
  {
    title: 'Connect and gRPC-Web, on the shim',
    features: {
      versions: ['HTTP_VERSION_1'],
      protocols: ['PROTOCOL_CONNECT', 'PROTOCOL_GRPC_WEB'],
      codecs: ['CODEC_PROTO', 'CODEC_JSON'],
      compressions: ['COMPRESSION_IDENTITY', 'COMPRESSION_GZIP', 'COMPRESSION_BR'],
      supportsH2c: false,
      supportsTls: false,
      supportsHalfDuplexBidiOverHttp1: true,
    },
  },
  { title: 'gRPC, on the transport http2', transport: 'http2', features: GRPC_FEATURES },
  { title: 'gRPC, on the transport framed', transport: 'framed', features: GRPC_FEATURES },
];

const { prepare } = await import('./lib/prepare.mjs');
const { Failure, run, runScript } = await import('./lib/run.mjs');

await runScript(async () => {
  const missing = install();
  if (missing !== undefined) {
    const required = (process.env.KEELSON_TEST_REQUIRE ?? '').split(',').includes('go');
    if (required) throw new Failure(`Cannot run the conformance suite, and KEELSON_TEST_REQUIRE wants it: ${missing}`);
    console.log(`Skipped the conformance suite: ${missing}`);
    return;
  }
  await prepare('all');
  let failed = 0;
  for (const [index, { title, features, transport = [] }] of SUITES.entries()) {
    const file = join(FOLDER, `features-${index}.json`);
    // What is JSON is YAML as well, which the runner reads.
    writeFileSync(file, JSON.stringify({ features }));
    console.log(`\n== ${title}`);
    const args = [
      '-k',
      '5',
      String(RUN_SECONDS_MAX),
      RUNNER,
      '--mode',
      'server',
      '--conf',
      file,
      '--',
      ...SERVER,
    ].concat(transport);
    if ((await run('timeout', args)) !== 0) failed += 1;
  }
  console.log('\n== HTTP/2 itself, in the transport framed');
  if ((await run('node', [join('dist', 'tests', 'conformance', 'h2spec.js'), H2SPEC])) !== 0) failed += 1;
  if (failed > 0) throw new Failure(`${failed} of ${SUITES.length + 1} conformance suites have failed`);
});

/** Gets the runner and the contract of the suite. Gives a sentence where that cannot be. */
function install() {
  if ([RUNNER, IMAGE, H2SPEC].every((file) => existsSync(file))) return undefined;
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return 'it needs Go (https://go.dev/dl)';
  mkdirSync(FOLDER, { recursive: true });
  const env = { ...process.env, GOBIN: join(process.cwd(), FOLDER), GOFLAGS: '-mod=mod' };
  for (const [module, program, version] of [
    [MODULE, 'connectconformance', VERSION],
    [H2SPEC_MODULE, 'h2spec', H2SPEC_VERSION],
  ]) {
    const built = spawnSync('go', ['install', `${module}/cmd/${program}@${version}`], { env, stdio: 'ignore' });
    if (built.status !== 0) return `Go cannot get ${module}@${version}`;
  }
  const download = spawnSync('go', ['mod', 'download', '-json', `${MODULE}@${VERSION}`], { encoding: 'utf8' });
  if (download.status !== 0) return `Go cannot get ${MODULE}@${VERSION}`;
  const { Dir: source } = JSON.parse(download.stdout);
  const buf = spawnSync(join('node_modules', '.bin', 'buf'), ['build', join(source, 'proto'), '-o', IMAGE]);
  return buf.status === 0 ? undefined : `buf cannot build the contract of the suite: ${buf.stderr.toString()}`;
}
