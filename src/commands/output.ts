import { CallError } from '../rpc/client/call-error.js';

/** Tells on stderr why a call failed, and gives the exit code of a client command for it. */
export function printCallError(err: unknown): number {
  if (!(err instanceof CallError)) throw err;
  const reason = err.reason === undefined ? '' : ` (${err.reason})`;
  process.stderr.write(`${err.codeName}${reason}: ${err.message}\n`);
  for (const { field, description } of err.violations)
    process.stderr.write(`  ${field || '(request)'}: ${description}\n`);
  return 1;
}
