import type { Registry } from '@bufbuild/protobuf';
import { Binding, Group, Role } from '../../gen/keelson/access/v1/resources.js';
import type { Write } from '../ledger/commit.js';
import type { Ledger } from '../ledger/ledger.js';
import type { TransactionView } from '../ledger/transact.js';
import type { StateDocument } from '../store/state.js';
import type { ResourceDefinition } from './definition.js';
import { defineMessageResource } from './message-resource.js';
import { openReplica, type Replica } from './replica.js';
import { commitTogether, createResources, type ChangeOptions, type Resources } from './resource.js';

/** Holds one document that every change of who may do what writes, so that two of them never pass each other. */
export const ACCESS_STATE_COLLECTION = 'access_state';

const GUARD_ID = 'guard';

/** What decisions rest on, and how it changes. */
export interface AccessPolicies {
  readonly roles: Resources<Role>;
  readonly groups: Resources<Group>;
  readonly bindings: Resources<Binding>;
  /**
   * Commits a change of who may do what. `decide` runs when the replica shows the state that the change will be made to:
   * if another such change comes between, it runs again. It may throw to refuse.
   */
  change(decide: DecideChange, options?: ChangeOptions): Promise<readonly (StateDocument | undefined)[]>;
}

export type DecideChange = (view: TransactionView) => Promise<readonly Write[]>;

/** Is told of all roles, groups and bindings, and of what becomes of them. */
export interface AccessObserver {
  clear(): void;
  setRole(name: string, role: Role | undefined): void;
  setGroup(name: string, group: Group | undefined): void;
  setBinding(name: string, binding: Binding | undefined): void;
}

export interface AccessDefinitions {
  readonly roles: ResourceDefinition<Role>;
  readonly groups: ResourceDefinition<Group>;
  readonly bindings: ResourceDefinition<Binding>;
}

/** Roles, groups and bindings, as their contract has them. */
export function defineAccess(registry: Registry): AccessDefinitions {
  return {
    roles: defineMessageResource<Role>(registry, Role, {
      messageType: 'keelson.access.v1.Role',
      type: 'keelson.dev/Role',
      singular: 'role',
      collection: 'roles',
      pattern: 'roles/{role}',
    }),
    groups: defineMessageResource<Group>(registry, Group, {
      messageType: 'keelson.access.v1.Group',
      type: 'keelson.dev/Group',
      singular: 'group',
      collection: 'groups',
      pattern: 'groups/{group}',
    }),
    bindings: defineMessageResource<Binding>(registry, Binding, {
      messageType: 'keelson.access.v1.Binding',
      type: 'keelson.dev/Binding',
      singular: 'binding',
      collection: 'bindings',
      pattern: 'bindings/{binding}',
      expireTime: 'expire_time',
    }),
  };
}

/** Tells an observer of everything that decisions rest on, as far as this process has read the log. */
export function replicateAccess(
  ledger: Ledger,
  { roles, groups, bindings }: AccessDefinitions,
  observer: AccessObserver,
): Promise<Replica> {
  const setters = new Map<string, (id: string, document: StateDocument | undefined) => void>([
    [roles.collection, (id, document) => observer.setRole(id, document && roles.codec.decode(document))],
    [groups.collection, (id, document) => observer.setGroup(id, document && groups.codec.decode(document))],
    [bindings.collection, (id, document) => observer.setBinding(id, document && bindings.codec.decode(document))],
  ]);
  return openReplica({
    ledger,
    collections: [...setters.keys()],
    observer: {
      clear: () => observer.clear(),
      set: (collection, id, document) => setters.get(collection)?.(id, document),
    },
  });
}

export interface AccessPoliciesDeps {
  readonly ledger: Ledger;
  readonly definitions: AccessDefinitions;
  readonly replica: Pick<Replica, 'reach'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createAccessPolicies({ ledger, definitions, replica, now }: AccessPoliciesDeps): AccessPolicies {
  // Changes of this process wait for each other, so that only those of other processes make one run again.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const turn = last.then(run);
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    roles: createResources({ ledger, now }, definitions.roles),
    groups: createResources({ ledger, now }, definitions.groups),
    bindings: createResources({ ledger, now }, definitions.bindings),
    change: (decide, options = {}) =>
      inTurn(() =>
        commitTogether(
          ledger,
          async (view) => {
            const guard = await view.get(ACCESS_STATE_COLLECTION, GUARD_ID);
            const consistency = { freshness: guard?.revision ?? 'any', saw: () => undefined } as const;
            await replica.reach({ consistency, signal: options.signal });
            const changes = Number(guard?.value['changes'] ?? 0) + 1;
            const writes = await decide(view);
            return [...writes, { kind: 'put', collection: ACCESS_STATE_COLLECTION, id: GUARD_ID, value: { changes } }];
          },
          options,
        ),
      ),
  };
}
