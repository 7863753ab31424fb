import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { onCores } from './machine.js';

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 5_000;

/** A server in a process of its own. */
export interface Program {
  readonly pid: number;
  /** What the line by which it said that it is ready holds: the first group of the pattern, the second, and so on. */
  readonly ready: readonly string[];
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly command: readonly string[];
  /** Finds the line on standard output that says that it is ready. */
  readonly readyLine: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  /** Where standard error goes: a log is written as a user's would be. */
  readonly logFile: string;
  readonly cores: string | undefined;
}

/** Starts a server and waits until it is ready. */
export async function startProgram({ command, readyLine, env, logFile, cores }: ProgramOptions): Promise<Program> {
  const log = openSync(logFile, 'a');
  const [program, args] = onCores(cores, command);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', log], env: { ...process.env, ...env } });
  closeSync(log);
  try {
    const ready = await readiness(child, readyLine);
    return { pid: child.pid ?? 0, ready, stop: () => stop(child) };
  } catch (err) {
    child.kill('SIGKILL');
    const said = readFileSync(logFile, 'utf8').slice(-2000);
    throw new Error(`Cannot start ${command.join(' ')}: ${err instanceof Error ? err.message : String(err)}\n${said}`);
  }
}

function readiness(child: ChildProcess, readyLine: RegExp): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => reject(new Error('it was not ready in time')), START_MS_MAX);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`it ended with code ${code}`)));
    child.stdout?.on('data', (text: Buffer) => {
      said += text.toString();
      const found = readyLine.exec(said);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found.slice(1));
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await exited;
  clearTimeout(timer);
}
