import { Worker } from 'node:worker_threads';
import { StoreBrokenError, StoreClosedError, StoreFailedError } from '../errors.js';
import type { Argument, WriterAnswer, WriterCall, WriterCalls, WriterRequest } from './writer-calls.js';

/** The writing thread as seen from the thread that serves calls. Calls run one after another, in their order. */
export interface Writer {
  /**
   * Rejects with StoreFailedError if the transaction failed; then nothing was written. After a failure of
   * the disk, this and all later calls reject with StoreBrokenError.
   */
  call<K extends keyof WriterCalls>(name: K, argument: Argument<K>): Promise<ReturnType<WriterCalls[K]>>;
  close(): Promise<void>;
}

interface Waiting {
  readonly action: string;
  resolve(result: unknown): void;
  reject(err: Error): void;
}

/** Starts the thread and opens the database file in it. */
export async function openWriter(path: string): Promise<Writer> {
  const worker = new Worker(new URL('./writer-worker.js', import.meta.url), { workerData: path });
  const waiting = new Map<number, Waiting>();
  let broken: Error | undefined;
  let nextId = 0;

  const post = (action: string, call?: WriterCall) =>
    new Promise<unknown>((resolve, reject) => {
      if (broken) return reject(broken);
      const id = nextId++;
      waiting.set(id, { action, resolve, reject });
      if (call) worker.postMessage({ id, call } satisfies WriterRequest);
    });
  const fail = (err: Error) => {
    broken ??= err;
    for (const call of waiting.values()) call.reject(broken);
    waiting.clear();
  };

  worker.on('message', (answer: WriterAnswer) => settle(waiting, answer));
  worker.on('error', (cause) => fail(new StoreBrokenError({ cause })));
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      fail(new StoreClosedError());
      resolve();
    });
  });
  await post('open').catch((err: unknown) => endAndRethrow(worker, err));
  return {
    call: (name, argument) => post(name, { name, argument } as WriterCall) as Promise<never>,
    close: async () => {
      if (!broken) worker.postMessage({ id: nextId++, call: 'close' } satisfies WriterRequest);
      await exited;
    },
  };
}

function settle(waiting: Map<number, Waiting>, answer: WriterAnswer): void {
  const call = waiting.get(answer.id);
  if (!call) return;
  waiting.delete(answer.id);
  if (!('failure' in answer)) return call.resolve(answer.result);
  call.reject(new StoreFailedError(call.action, { cause: answer.failure }));
}

async function endAndRethrow(worker: Worker, err: unknown): Promise<never> {
  await worker.terminate();
  throw err;
}
