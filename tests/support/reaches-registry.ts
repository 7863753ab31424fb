import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const ASK_MS_MAX = 60_000;

/** Whether there is Go, and its module proxy answers. Fails in place of `false` where KEELSON_TEST_REQUIRE names go. */
export function reachesGo(): Promise<boolean> {
  return reaches('go', ['go', 'list', '-m', '-versions', 'google.golang.org/grpc']);
}

async function reaches(tool: string, [program = '', ...args]: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(program, args, { timeout: ASK_MS_MAX, cwd: '/' });
    return true;
  } catch (err) {
    if ((process.env['KEELSON_TEST_REQUIRE'] ?? '').split(',').includes(tool)) throw err;
    return false;
  }
}
