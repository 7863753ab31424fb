import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';

const GIB = 1024 ** 3;

/** Which processor cores the two sides of a measurement have to themselves; undefined where they cannot be kept apart. */
export interface Cores {
  readonly server: string | undefined;
  readonly load: string | undefined;
  /** All that this process may use, as `taskset` writes them. */
  readonly all: string | undefined;
}

/** Gives the server one core, and what loads it another, where there are two and `taskset` is there to hold them to it. */
export function findCores(): Cores {
  const allowed = readAllowed();
  const [server, load] = allowed;
  if (server === undefined || load === undefined || !isThere('taskset')) {
    return { server: undefined, load: undefined, all: undefined };
  }
  return { server, load, all: allowed.join(',') };
}

export function isThere(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0;
}

/** Puts a command on some cores. */
export function onCores(cores: string | undefined, command: readonly string[]): [program: string, args: string[]] {
  const [program = '', ...args] = cores === undefined ? command : ['taskset', '-c', cores, ...command];
  return [program, args];
}

/** Says in words what was measured on. Names no host. */
export function describeMachine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / GIB)} GiB`;
  return `${cpus().length} cores (${cpu?.model.trim() ?? 'unknown'}), ${memory}, ${platform()} ${arch()}, Node ${process.version}`;
}

function readAllowed(): string[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
    return list.split(',').flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, n) => String(first + n));
    });
  } catch {
    return [];
  }
}
