import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProcessAnswer, ProcessCache, ProcessCall, ProcessOutput } from './process-calls.js';

const SCRIPT = fileURLToPath(new URL('./ledger-process.js', import.meta.url));

/** A process with a ledger that a test kills, freezes and starts again. */
export interface MortalProcess {
  /** Rejects if the process fails the call, or dies before it answers. */
  call(call: ProcessCall): Promise<string>;
  /** The same, with a token. */
  ask(call: ProcessCall): Promise<ProcessOutput>;
  /** Kills it as a power cut would, and starts it again; resolves when it serves. */
  restart(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Ends it for good. */
  end(): Promise<void>;
}

export interface MortalProcessOptions {
  readonly engine: 'embedded' | 'mongo';
  /** A data directory, or a connection string. */
  readonly place: string;
  /** Without it the process does not cache. */
  readonly cache?: ProcessCache;
  /** Is called after each start. */
  readonly onReady?: (process: MortalProcess) => void;
  readonly onFollowed?: (revision: number) => void;
}

interface Waiting {
  resolve(output: ProcessOutput): void;
  reject(err: Error): void;
}

export async function startMortalProcess(options: MortalProcessOptions): Promise<MortalProcess> {
  const args = [options.engine, options.place, ...(options.cache ? [JSON.stringify(options.cache)] : [])];
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  let child: ChildProcess;
  let exited: Promise<void>;

  const handle = (answer: ProcessAnswer, ready: () => void) => {
    if (answer.kind === 'ready') return ready();
    if (answer.kind === 'followed') return options.onFollowed?.(answer.revision);
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.kind === 'output') call?.resolve(answer);
    else call?.reject(new Error(answer.message));
  };
  const start = () =>
    new Promise<void>((resolve) => {
      child = fork(SCRIPT, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      child.on('message', (answer: ProcessAnswer) => handle(answer, resolve));
      child.on('error', () => {});
      exited = new Promise((ended) => {
        child.once('exit', () => {
          for (const call of waiting.values()) call.reject(new Error('the process died'));
          waiting.clear();
          ended();
        });
      });
    });
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  const self: MortalProcess = {
    call: async (call) => (await self.ask(call)).output,
    ask: (call) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        if (!child.connected) {
          waiting.delete(id);
          return reject(new Error('the process is down'));
        }
        child.send({ id, call });
      }),
    restart: async () => {
      await kill();
      await start();
      options.onReady?.(self);
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    end: kill,
  };
  await start();
  options.onReady?.(self);
  return self;
}
