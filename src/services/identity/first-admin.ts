import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiKey, ServiceAccount } from '../../../gen/keelson/identity/v1/resources.js';
import type { Identities } from '../../repositories/identities.js';
import { createSecret, formatToken, hashSecret, tokenPrefix } from './token.js';

const OWNER_ONLY = 0o600;
const ADMIN_ID = 'admin';
const FIRST_KEY_ID = 'first';

/** Whom the first admin token stands for. */
export const FIRST_ADMIN = `serviceAccounts/${ADMIN_ID}`;

/** The file in the data directory that the first admin token is written to. */
export const ADMIN_TOKEN_FILE = 'admin-token';

/**
 * Makes the first service account with an API key, unless the database has or had it, and writes its token to a file
 * that only its owner can read. The file comes first: a crash between the two leaves a file that the next start
 * replaces, and never a key whose token nobody has. Gives the file's path.
 */
export async function ensureFirstAdmin(deps: { identities: Identities; dataDir: string }): Promise<string> {
  const { principals, apiKeys, change } = deps.identities;
  const file = join(deps.dataDir, ADMIN_TOKEN_FILE);
  if ((await principals.serviceAccounts.find(FIRST_ADMIN)) !== undefined) return file;
  const keyName = `${FIRST_ADMIN}/apiKeys/${FIRST_KEY_ID}`;
  const secret = createSecret();
  const written = `${file}.${process.pid}`;
  await writeFile(written, `${formatToken({ keyName, secret })}\n`, { mode: OWNER_ONLY });
  // A file that a crash has left keeps its mode when it is written to again.
  await chmod(written, OWNER_ONLY);
  await rename(written, file);
  const key = ApiKey.fromPartial({ displayName: 'Made at the first start', tokenPrefix: tokenPrefix(keyName) });
  const added = await change(async (view) => {
    if ((await view.get(principals.serviceAccounts.definition.collection, FIRST_ADMIN)) !== undefined) return [];
    const content = ServiceAccount.fromPartial({ displayName: 'The first administrator' });
    const { guard } = await apiKeys.keysOf(view, FIRST_ADMIN);
    return [
      await principals.serviceAccounts.writes.create(view, { parent: '', id: ADMIN_ID, content }),
      await apiKeys.keys.writes.create(view, {
        parent: FIRST_ADMIN,
        id: FIRST_KEY_ID,
        content: { key, secretHash: hashSecret(secret), previousSecretHash: '' },
      }),
      guard,
    ];
  });
  // Another replica was first: the token is in its data directory, and the one written here opens nothing.
  if (added.length === 0) await rm(file, { force: true });
  return file;
}
