import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { skipBecause } from './skip-because.js';

const ASK_MS_MAX = 120_000;

/** By what a language's own tool shows that it is there, and reaches the registry that its packages come from. */
const PROBES = {
  go: ['go', 'list', '-m', '-versions', 'google.golang.org/grpc'],
  python: ['python3', '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', '/tmp', 'six'],
  npm: ['npm', 'view', '@bufbuild/protobuf', 'version'],
  java: ['mvn', '-q', '-B', 'dependency:get', '-Dartifact=junit:junit:4.13.2'],
} as const;

/** Skips a test, or fails where KEELSON_TEST_REQUIRE names the language, where its tool or its registry is missing. */
export async function requireLanguage(test: Mocha.Context, language: keyof typeof PROBES): Promise<void> {
  const [program, ...args] = PROBES[language];
  try {
    await promisify(execFile)(program, args, { timeout: ASK_MS_MAX, cwd: '/' });
  } catch (err) {
    if ((process.env['KEELSON_TEST_REQUIRE'] ?? '').split(',').includes(language)) throw err;
    skipBecause(test, `"${program}" is not on this machine, or does not reach its registry`);
  }
}
