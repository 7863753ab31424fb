import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { DocBlock } from './doc-blocks.js';
import { freePort } from './free-port.js';

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Where a page has a server listen. */
const GRPC = '127.0.0.1:50051';
const HTTP = '127.0.0.1:8080';

/** Commands that run until they are stopped. */
const SERVER = /^npm start|\bkeelson gateway /;

/** Does what a page says, as somebody who reads it at a terminal. */
export interface DocShell {
  /** Does what a block says: runs its commands, writes its file, or makes its change. Gives what was printed. */
  follow(block: DocBlock): Promise<string>;
  close(): Promise<void>;
}

export interface DocShellOptions {
  /** Where a server listens already. */
  readonly grpc?: string;
  readonly http?: string;
  /** A file of its own, where the folder is not to have one. */
  readonly state?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Begins in a folder, from where folders and variables carry on from block to block. A server, which `npm start` and
 * `keelson gateway` are, runs until the end, and blocks behind it meet it. The addresses that pages give, and that commands take where none is given, are those of free ports here;
 * nothing else is changed.
 */
export async function openDocShell(root: string, options: DocShellOptions = {}): Promise<DocShell> {
  const { grpc = `127.0.0.1:${await freePort()}`, http = `127.0.0.1:${await freePort()}` } = options;
  const { state = join(root, '.doc-shell') } = options;
  const settings = { KEELSON_GRPC_LISTEN: grpc, KEELSON_HTTP_LISTEN: http };
  const env = { ...process.env, ...settings, KEELSON_SETTLE_MS: '0', KEELSON_LOG_LEVEL: 'warn', ...options.env };
  const here = (text: string) =>
    text
      .replaceAll(GRPC, grpc)
      .replaceAll(HTTP, http)
      .replaceAll(/\bnpx keelson (?=call|health|import|export)/g, `KEELSON_ADDRESS=${grpc} npx keelson `);
  const servers: ChildProcess[] = [];
  await writeFile(state, `cd ${JSON.stringify(root)}\n`);

  async function runShell({ where, code }: DocBlock): Promise<string> {
    const script = `set -e -o pipefail; . ${state}; ${here(code)}\n{ echo "cd '$PWD'"; export -p; } > ${state}`;
    try {
      const run = await promisify(execFile)('bash', ['-c', script], { env, maxBuffer: OUTPUT_BYTES_MAX });
      return run.stdout + run.stderr;
    } catch (err) {
      const { stdout = '', stderr = '' } = err as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`The commands of ${where} failed:\n${stdout}${stderr}`, { cause: err });
    }
  }

  async function start({ where, code }: DocBlock): Promise<string> {
    const child = spawn('bash', ['-c', `. ${state}; exec env ${here(code)}`], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own, which ends as one: npx passes no signal on.
      detached: true,
    });
    servers.push(child);
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.startsWith('keelson ready')) return lines.join('\n');
    }
    throw new Error(`The server of ${where} ended before it was ready:\n${lines.join('\n')}`);
  }

  async function folder(): Promise<string> {
    return /^cd ["'](.*)["']$/m.exec(await readFile(state, 'utf8'))?.[1] ?? root;
  }

  return {
    follow: async (block) => {
      const { where, language, file, code } = block;
      if (language === 'sh') return SERVER.test(code) ? start(block) : runShell(block);
      if (language === 'diff') return runShell({ ...block, code: `git apply - <<'END'\n${code}\nEND` });
      if (file === undefined) throw new Error(`${where}: a test does not know what to do with this block`);
      const path = join(await folder(), file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, `${here(code)}\n`);
      return '';
    },
    close: async () => {
      for (const server of servers) {
        if (server.exitCode !== null) continue;
        const ended = once(server, 'exit');
        if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
        await ended;
      }
    },
  };
}
