import { createHash } from 'node:crypto';
import type { Registry } from '@bufbuild/protobuf';
import { ServiceAccount, User } from '../../gen/keelson/identity/v1/resources.js';
import type { Write } from '../ledger/commit.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Freshness } from '../ledger/reads.js';
import type { TransactionView } from '../ledger/transact.js';
import type { StateDocument } from '../store/state.js';
import type { ResourceDefinition } from './definition.js';
import { alreadyExists } from './refusals.js';
import { createResources, type Resources } from './resource.js';
import { defineMessageResource } from './message-resource.js';

/** Holds which service account the URI name of a client certificate stands for, by a hash of the name. */
export const CERTIFICATE_NAMES_COLLECTION = 'certificate_names';

export interface PrincipalDefinitions {
  readonly users: ResourceDefinition<User>;
  readonly serviceAccounts: ResourceDefinition<ServiceAccount>;
}

/** Users and service accounts: whoever can be a caller. */
export interface Principals {
  readonly users: Resources<User>;
  readonly serviceAccounts: Resources<ServiceAccount>;
  /** Whether a name stands for a principal that is there and not disabled. */
  isActive(name: string, freshness: Freshness): Promise<boolean>;
  /** The same, as part of a commit that depends on it. */
  isActiveIn(view: TransactionView, name: string): Promise<boolean>;
  /** The name of the service account that the URI name of a certificate stands for. */
  findByCertificate(uri: string, freshness: Freshness): Promise<string | undefined>;
  /** What to write so that exactly these names stand for an account. Throws ResourceError where one stands for another. */
  nameCertificates(view: TransactionView, change: CertificateChange): Promise<readonly Write[]>;
}

export interface CertificateChange {
  readonly account: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export function definePrincipals(registry: Registry): PrincipalDefinitions {
  return {
    users: defineMessageResource<User>(registry, User, {
      messageType: 'keelson.identity.v1.User',
      type: 'keelson.dev/User',
      singular: 'user',
      collection: 'users',
      pattern: 'users/{user}',
    }),
    serviceAccounts: defineMessageResource<ServiceAccount>(registry, ServiceAccount, {
      messageType: 'keelson.identity.v1.ServiceAccount',
      type: 'keelson.dev/ServiceAccount',
      singular: 'service account',
      collection: 'service_accounts',
      pattern: 'serviceAccounts/{service_account}',
    }),
  };
}

export function createPrincipals(ledger: Ledger, definitions: PrincipalDefinitions): Principals {
  const { users, serviceAccounts } = definitions;
  const collectionOf = (name: string) => {
    if (name.startsWith('users/')) return users.collection;
    return name.startsWith('serviceAccounts/') ? serviceAccounts.collection : undefined;
  };
  return {
    users: createResources({ ledger }, users),
    serviceAccounts: createResources({ ledger }, serviceAccounts),
    isActive: async (name, freshness) => {
      const collection = collectionOf(name);
      return collection !== undefined && isActive(await ledger.get(collection, name, { freshness }));
    },
    isActiveIn: async (view, name) => {
      const collection = collectionOf(name);
      return collection !== undefined && isActive(await view.get(collection, name));
    },
    findByCertificate: async (uri, freshness) => {
      const found = await ledger.get(CERTIFICATE_NAMES_COLLECTION, hashOf(uri), { freshness });
      return found && String(found.value['account'] as string);
    },
    nameCertificates: (view, change) => nameCertificates(view, serviceAccounts, change),
  };
}

function isActive(document: StateDocument | undefined): boolean {
  return document !== undefined && document.value['disabled'] !== true;
}

async function nameCertificates(
  view: TransactionView,
  kind: PrincipalDefinitions['serviceAccounts'],
  { account, before, after }: CertificateChange,
): Promise<readonly Write[]> {
  const collection = CERTIFICATE_NAMES_COLLECTION;
  const added = after.filter((uri) => !before.includes(uri));
  const removed = before.filter((uri) => !after.includes(uri));
  const existing = await view.getMany(collection, added.map(hashOf));
  const taken = added.find(
    (_uri, index) => existing[index] !== undefined && existing[index].value['account'] !== account,
  );
  if (taken !== undefined) throw alreadyExists({ ...kind, singular: 'certificate name' }, taken);
  return [
    ...added.map((uri): Write => ({ kind: 'put', collection, id: hashOf(uri), value: { uri, account } })),
    ...removed.map((uri): Write => ({ kind: 'delete', collection, id: hashOf(uri) })),
  ];
}

/** A URI may be longer than an id. */
function hashOf(uri: string): string {
  return createHash('sha256').update(uri).digest('hex');
}
