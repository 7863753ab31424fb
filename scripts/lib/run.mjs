import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { root } from './root.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** A failure that needs no stack: its message is all that a person needs to read. */
export class Failure extends Error {}

/** Runs a program of node_modules, or one of our own, with this Node. Resolves with its exit code. */
export const runNode = (args, options) => run(process.execPath, args, options);

/**
 * Runs a program in the checkout, on this terminal, and resolves with its exit code.
 * A signal that this process gets meanwhile is handed on, and ends this process when the program has ended.
 */
export function run(command, args, { stdio = 'inherit', env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio, env, cwd: root });
    let caught;
    const handOn = (signal) => {
      caught = signal;
      child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, handOn);
    child.once('error', (err) => reject(new Failure(`Cannot run "${command}": ${err.message}`)));
    child.once('close', (code, signal) => {
      for (const name of SIGNALS) process.off(name, handOn);
      const ended = caught ?? signal;
      if (ended === null) resolve(code);
      else process.exit(128 + constants.signals[ended]);
    });
  });
}

/** Runs the main function of a script: a failure is one line and exit code 1. */
export async function runScript(main) {
  try {
    await main();
  } catch (err) {
    if (!(err instanceof Failure)) throw err;
    console.error(err.message);
    process.exit(1);
  }
}
