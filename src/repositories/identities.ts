import type { Registry } from '@bufbuild/protobuf';
import type { Ledger } from '../ledger/ledger.js';
import type { TransactionView } from '../ledger/transact.js';
import { API_KEY_GUARDS_COLLECTION, createApiKeys, defineApiKeys, type ApiKeys } from './api-keys.js';
import { createPasswords, PASSWORDS_COLLECTION, type Passwords } from './passwords.js';
import { ENDED_SESSIONS_COLLECTION } from './session-families.js';
import { CERTIFICATE_NAMES_COLLECTION, createPrincipals, definePrincipals, type Principals } from './principals.js';
import { commitTogether, declareResource } from './resource.js';
import { watchCollections } from './watch-collections.js';

/** Who can call, and by what they are recognised. */
export interface Identities {
  readonly principals: Principals;
  readonly apiKeys: ApiKeys;
  readonly passwords: Passwords;
  /** Calls back when something may have changed that it rests on who a caller is; see {@link watchCollections}. */
  watchCallers(onChange: () => void): () => void;
  /**
   * Whether a principal can call for good, in the state that a change is made to: it is there, is not disabled, and has a
   * password, a certificate name, or a key that neither ends nor is for a part of what its account may do.
   */
  canCall(view: TransactionView, name: string): Promise<boolean>;
  /** Commits changes of several of them together. */
  readonly change: Change;
}

type Change = (
  decide: Parameters<typeof commitTogether>[1],
  options?: Parameters<typeof commitTogether>[2],
) => ReturnType<typeof commitTogether>;

export interface IdentitiesDeps {
  readonly ledger: Ledger;
  readonly registry: Registry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Makes room for identities, and gives them. */
export async function openIdentities({ ledger, registry, now }: IdentitiesDeps): Promise<Identities> {
  const principals = definePrincipals(registry);
  const apiKeys = defineApiKeys(registry);
  await ledger.declareCollections([
    API_KEY_GUARDS_COLLECTION,
    CERTIFICATE_NAMES_COLLECTION,
    ENDED_SESSIONS_COLLECTION,
    PASSWORDS_COLLECTION,
  ]);
  await declareResource(ledger, principals.users);
  await declareResource(ledger, principals.serviceAccounts);
  await declareResource(ledger, apiKeys);
  const identities = {
    principals: createPrincipals(ledger, principals),
    apiKeys: createApiKeys({ ledger, definition: apiKeys, now }),
    passwords: createPasswords(ledger),
  };
  const callerCollections = [
    ...[principals.users, principals.serviceAccounts, apiKeys].map(({ collection }) => collection),
    CERTIFICATE_NAMES_COLLECTION,
    ENDED_SESSIONS_COLLECTION,
  ];
  return {
    ...identities,
    watchCallers: (onChange) => watchCollections(ledger, callerCollections, onChange),
    canCall: (view, name) => canCall(identities, view, name),
    change: (decide, options) => commitTogether(ledger, decide, options),
  };
}

type Credentials = Pick<Identities, 'principals' | 'apiKeys'>;

async function canCall({ principals, apiKeys }: Credentials, view: TransactionView, name: string): Promise<boolean> {
  if (!(await principals.isActiveIn(view, name))) return false;
  if (name.startsWith('users/')) return (await view.get(PASSWORDS_COLLECTION, name)) !== undefined;
  const { collection, codec } = principals.serviceAccounts.definition;
  const account = await view.get(collection, name);
  if (account !== undefined && codec.decode(account).certificateNames.length > 0) return true;
  return (await apiKeys.lastingKeysOf(view, name)).length > 0;
}
