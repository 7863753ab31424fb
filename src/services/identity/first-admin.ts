import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiKeys } from '../../repositories/api-keys.js';
import { createSecret, formatToken, hashSecret } from './token.js';

const ADMIN_KEY_ID = 'admin';

/** Whom the first admin token stands for. */
export const FIRST_ADMIN = 'serviceAccounts/admin';

const OWNER_ONLY = 0o600;

/** The file in the data directory that the first admin token is written to. */
export const ADMIN_TOKEN_FILE = 'admin-token';

/**
 * Makes the first API key, which may do everything, unless the database has one, and writes its token to a file that
 * only its owner can read. The file comes first: a crash between the two leaves a file that the next start replaces,
 * and never a key whose token nobody has. Gives the file's path.
 */
export async function ensureFirstAdmin(deps: { apiKeys: ApiKeys; dataDir: string }): Promise<string> {
  const file = join(deps.dataDir, ADMIN_TOKEN_FILE);
  if ((await deps.apiKeys.get(ADMIN_KEY_ID)) !== undefined) return file;
  const secret = createSecret();
  const written = `${file}.${process.pid}`;
  await writeFile(written, `${formatToken({ keyId: ADMIN_KEY_ID, secret })}\n`, { mode: OWNER_ONLY });
  // A file that a crash has left keeps its mode when it is written to again.
  await chmod(written, OWNER_ONLY);
  await rename(written, file);
  const added = await deps.apiKeys.add({
    id: ADMIN_KEY_ID,
    principal: FIRST_ADMIN,
    secretHash: hashSecret(secret),
    permissions: ['*'],
  });
  // Another replica was first: the token is in its data directory, and the one written here opens nothing.
  if (!added) await rm(file, { force: true });
  return file;
}
