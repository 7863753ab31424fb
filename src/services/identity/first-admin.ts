import { join } from 'node:path';
import { ApiKey, ServiceAccount } from '../../../gen/keelson/identity/v1/resources.js';
import type { Identities } from '../../repositories/identities.js';
import { createSecret, formatToken, hashSecret, secretMatches, tokenPrefix } from './token.js';
import { proposeToken, settleProposals } from './token-proposals.js';

const ADMIN_ID = 'admin';
const FIRST_KEY_ID = 'first';

/** Whom the first admin token stands for. */
export const FIRST_ADMIN = `serviceAccounts/${ADMIN_ID}`;

const FIRST_KEY = `${FIRST_ADMIN}/apiKeys/${FIRST_KEY_ID}`;

/** The file in the data directory that the first admin token is written to. */
export const ADMIN_TOKEN_FILE = 'admin-token';

/**
 * Makes the first service account with an API key, unless the database has or had it, and writes its token to a file
 * that only its owner can read. Gives the file's path.
 *
 * Replicas may race, with one data directory or several. Each writes the token that it proposes to a file of its own
 * first, and the one whose key is added gets the name for its file. A crash between the two leaves the proposal, which
 * the next start finds by the key: there is never a key whose token nobody has.
 */
export async function ensureFirstAdmin({ identities, dataDir }: FirstAdminDeps): Promise<string> {
  const { principals, apiKeys } = identities;
  const file = join(dataDir, ADMIN_TOKEN_FILE);
  if ((await principals.serviceAccounts.find(FIRST_ADMIN)) === undefined) {
    const secret = createSecret();
    await proposeToken(file, formatToken({ keyName: FIRST_KEY, secret }));
    await addFirstAdmin(identities, hashSecret(secret));
  }
  const key = await apiKeys.keys.find(FIRST_KEY);
  await settleProposals(file, (secret) => key !== undefined && secretMatches(secret, key.secretHash));
  return file;
}

interface FirstAdminDeps {
  readonly identities: Pick<Identities, 'principals' | 'apiKeys' | 'change'>;
  readonly dataDir: string;
}

/** Changes nothing if another replica was first. */
async function addFirstAdmin({ principals, apiKeys, change }: FirstAdminDeps['identities'], secretHash: string) {
  const { serviceAccounts } = principals;
  const key = ApiKey.fromPartial({ displayName: 'Made at the first start', tokenPrefix: tokenPrefix(FIRST_KEY) });
  await change(async (view) => {
    if ((await view.get(serviceAccounts.definition.collection, FIRST_ADMIN)) !== undefined) return [];
    const content = ServiceAccount.fromPartial({ displayName: 'The first administrator' });
    const { guard } = await apiKeys.keysOf(view, FIRST_ADMIN);
    return [
      await serviceAccounts.writes.create(view, { parent: '', id: ADMIN_ID, content }),
      await apiKeys.keys.writes.create(view, {
        parent: FIRST_ADMIN,
        id: FIRST_KEY_ID,
        content: { key, secretHash, previousSecretHash: '' },
      }),
      guard,
    ];
  });
}
