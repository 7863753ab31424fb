import { ConfigError, stopMsMax } from '../config.js';
import { CallError } from '../rpc/client/call-error.js';
import { MasterKeyError } from '../repositories/master-key.js';
import { ContractError } from '../rpc/method-table.js';
import { StoreError } from '../store/errors.js';
import { WorkerStartError } from '../workers/fork-worker.js';

const REPEATED_SIGNAL_MS = 1000;

/** A server that runs. */
interface Running {
  close(): Promise<void>;
}

/** Waits for SIGTERM or SIGINT and closes the server. Resolves to false when it did not close in time. */
export async function runUntilStopped(
  running: Running,
  times: { readonly drainTimeoutMs: number; readonly settleMs: number },
): Promise<boolean> {
  await stopSignal();
  return closeInTime(running, stopMsMax(times));
}

/** Says why a server does not start, and ends the process. */
export function failToStart(err: unknown): never {
  process.stderr.write(`Keelson cannot start.\n${explain(err)}\n`);
  process.exit(1);
}

/**
 * Waits for SIGTERM or SIGINT. Another one ends the process at once, for whoever does not want to wait; but not within a
 * second of the first, for Ctrl-C reaches a process under npm twice: from the terminal and from npm.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    const onSignal = () => {
      firstMs ??= performance.now();
      if (performance.now() - firstMs > REPEATED_SIGNAL_MS) process.exit(1);
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function closeInTime(running: Running, msMax: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), msMax);
  });
  const closed = running.close().then(() => true);
  const clean = await Promise.race([closed, late]);
  clearTimeout(timer);
  return clean;
}

/** Mistakes that a person can mend are told in a sentence; anything else with its stack. */
function explain(err: unknown): string {
  if (
    err instanceof ConfigError ||
    err instanceof ContractError ||
    err instanceof MasterKeyError ||
    err instanceof StoreError ||
    err instanceof WorkerStartError
  ) {
    return err.cause instanceof Error ? `${err.message} (${err.cause.message})` : err.message;
  }
  if (err instanceof CallError) return `${err.codeName}: ${err.message}`;
  if (!(err instanceof Error)) return String(err);
  // grpc-js has it in a text of its own.
  const taken = /\w+ EADDRINUSE[^\]]*/.exec(err.message)?.[0];
  if (taken !== undefined) return `${taken}: another process listens there`;
  return err.stack ?? err.message;
}
