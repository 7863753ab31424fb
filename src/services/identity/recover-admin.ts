import { randomUUID } from 'node:crypto';
import { Binding } from '../../../gen/keelson/access/v1/resources.js';
import { ApiKey, ServiceAccount } from '../../../gen/keelson/identity/v1/resources.js';
import type { AccessPolicies } from '../../repositories/access-policies.js';
import type { Identities } from '../../repositories/identities.js';
import { OWNER_ROLE } from '../access/built-in-roles.js';
import { EVERYTHING } from '../access/decide.js';
import { FIRST_ADMIN } from './first-admin.js';
import { createSecret, formatToken, hashSecret, tokenPrefix } from './token.js';

export interface RecoverAdminDeps {
  readonly identities: Pick<Identities, 'principals' | 'apiKeys'>;
  readonly policies: Pick<AccessPolicies, 'bindings' | 'change'>;
}

/** What a recovery has made. */
export interface RecoveredAdmin {
  readonly account: string;
  readonly apiKey: string;
  readonly binding: string;
  readonly token: string;
}

/**
 * Gives the first service account a new key and everything again, in one commit, whatever became of it: for whoever has
 * the database itself in hand, and so could do anything anyway.
 */
export async function recoverAdmin({ identities, policies }: RecoverAdminDeps): Promise<RecoveredAdmin> {
  const { serviceAccounts } = identities.principals;
  const { keys } = identities.apiKeys;
  const id = `recovered-${randomUUID()}`;
  const keyName = `${FIRST_ADMIN}/apiKeys/${id}`;
  const binding = `bindings/${id}`;
  const secret = createSecret();
  const key = ApiKey.fromPartial({ displayName: 'Made by a recovery', tokenPrefix: tokenPrefix(keyName) });
  await policies.change(async (view) => [
    await serviceAccounts.writes.update(view, {
      name: FIRST_ADMIN,
      content: ServiceAccount.fromPartial({ displayName: 'The first administrator' }),
      mask: ['disabled'],
      etag: '',
      allowMissing: true,
    }),
    await keys.writes.create(view, {
      parent: FIRST_ADMIN,
      id,
      content: { key, secretHash: hashSecret(secret), previousSecretHash: '' },
    }),
    (await identities.apiKeys.keysOf(view, FIRST_ADMIN)).guard,
    await policies.bindings.writes.create(view, {
      parent: '',
      id,
      content: Binding.fromPartial({ member: FIRST_ADMIN, role: OWNER_ROLE, resource: EVERYTHING }),
    }),
  ]);
  return { account: FIRST_ADMIN, apiKey: keyName, binding, token: formatToken({ keyName, secret }) };
}
