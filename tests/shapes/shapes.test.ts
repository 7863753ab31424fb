import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { listFiles, readText } from '../support/repository.js';

/** A minute on a machine that does nothing else. */
const SHAPE_MS_MAX = 600_000;
const TEST_MS_MAX = 30_000;

/** How a server may be run besides in one process, which is how the end-to-end tests run it on their own. */
const SHAPES = { workers: 'two workers', services: 'one service a process' } as const;

/** What is about a process or a listener of it, and not about the services. */
const OF_ONE_PROCESS = [
  'browser-sessions',
  'channelz',
  'console',
  'docs-page',
  'gateway-command',
  'gateway-openapi',
  'identity-processes',
  'listeners-tls',
  'metrics',
  'oauth',
  'profiles',
  'token-keys',
  'tracing',
].map((name) => `tests/e2e/${name}.test.ts`);

describe('the end-to-end tests of a whole server', function () {
  this.timeout(SHAPE_MS_MAX);
  const files = listFiles()
    .filter((path) => /^tests\/e2e\/.*\.test\.ts$/.test(path) && !OF_ONE_PROCESS.includes(path))
    .filter((path) => readText(path).includes('startTestApp('));

  for (const shape of ['workers', 'services'] as const) {
    const title = SHAPES[shape];
    it(`pass with ${title}`, async () => {
      const { code, output } = await runTests(shape, files);

      const summary = /^tests: (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
      process.stdout.write(`      ${title}: ${summary?.[0] ?? 'no summary'}, in ${files.length} files\n`);
      expect(code, output).to.equal(0);
      expect(Number(summary?.[1])).to.be.greaterThan(50);
    });
  }
});

async function runTests(shape: string, files: readonly string[]): Promise<{ code: number | null; output: string }> {
  const compiled = files.map((path) => `dist/${path.replace(/ts$/, 'js')}`);
  const child = spawn(
    process.execPath,
    ['node_modules/mocha/bin/mocha.js', '--timeout', String(TEST_MS_MAX), ...compiled],
    {
      env: { ...process.env, KEELSON_TEST_SHAPE: shape },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ends by itself before the test that waits for it gives up.
      timeout: SHAPE_MS_MAX * 0.95,
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => (output += piece.toString()));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
