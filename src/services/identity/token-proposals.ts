import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseToken } from './token.js';

const OWNER_ONLY = 0o600;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Writes a token durably beside a file that it may become, where only the owner can read it. */
export async function proposeToken(file: string, token: string): Promise<void> {
  const handle = await open(`${file}.${randomUUID()}`, 'wx', OWNER_ONLY);
  try {
    await handle.writeFile(`${token}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Gives the file's name to the proposal whose secret is the one, and removes all others: to be called once it is settled
 * which is. Nothing else touches what has the name, so replicas may do it at the same time.
 */
export async function settleProposals(file: string, isTheOne: (secret: string) => boolean): Promise<void> {
  const prefix = `${basename(file)}.`;
  const names = await readdir(dirname(file));
  for (const name of names.filter((one) => one.startsWith(prefix) && UUID.test(one.slice(prefix.length)))) {
    const proposal = join(dirname(file), name);
    const token = await readFile(proposal, 'utf8').catch(ifMissing);
    // Another replica was faster.
    if (token === undefined) continue;
    const secret = parseToken(token.trim())?.secret;
    if (secret !== undefined && isTheOne(secret)) await rename(proposal, file).catch(ifMissing);
    else await rm(proposal, { force: true });
  }
}

function ifMissing(err: unknown): undefined {
  if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined;
  throw err;
}
