import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { listFiles } from './repository.js';

// What has been built is taken along, so that in the copy only what changes there is built.
const BUILT = [
  'dist',
  '.build/proto',
  '.build/bench',
  ...['gen', 'openapi'].map((step) => `.build/${step}-stamp`),
] as const;

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** A copy of this checkout, in which a test may write and build, and beside which as well. It shares the packages with this one. */
export interface CheckoutCopy {
  readonly root: string;
  /** Runs a command of a shell in it, and gives all that was printed. Rejects with that where the command fails. */
  run(command: string, env?: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

export async function copyCheckout(): Promise<CheckoutCopy> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'keelson-checkout-')));
  const root = join(home, 'keelson');
  for (const path of listFiles()) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await cp(path, join(root, path));
  }
  for (const path of BUILT) await cp(path, join(root, path), { recursive: true, preserveTimestamps: true });
  await symlink(resolve('node_modules'), join(root, 'node_modules'));
  return {
    root,
    run: async (command, env = {}) => {
      const options = { cwd: root, env: { ...process.env, ...env }, maxBuffer: OUTPUT_BYTES_MAX };
      try {
        const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command], options);
        return stdout + stderr;
      } catch (err) {
        const { stdout = '', stderr = '' } = err as { readonly stdout?: string; readonly stderr?: string };
        throw new Error(`"${command}" failed:\n${stdout}${stderr}`, { cause: err });
      }
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}
