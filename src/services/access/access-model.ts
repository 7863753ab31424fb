import type { Binding, Group, Role } from '../../../gen/keelson/access/v1/resources.js';
import { toMs } from '../timestamp.js';
import { SELF_ROLE } from './built-in-roles.js';
import { compileCondition, type CompiledCondition } from './condition.js';

/** A binding in the form that decisions use. */
export interface Grant {
  readonly binding: string;
  readonly member: string;
  readonly role: string;
  readonly resource: string;
  readonly condition: CompiledCondition | undefined;
  /** Milliseconds since 1970; Infinity if it does not end. */
  readonly expireMs: number;
}

/** Everything that a principal holds, by the resource that it was given on. */
export interface Holdings {
  /** All groups that the principal is in, directly or through others. */
  readonly groups: ReadonlySet<string>;
  readonly byResource: ReadonlyMap<string, readonly Grant[]>;
}

/** Principals whose holdings are kept ready. */
const HOLDINGS_MAX = 10_000;

const NO_PATTERNS: readonly string[] = [];

/**
 * What decisions rest on: roles, groups and bindings, kept so that a decision looks at what the principal holds on the
 * resource and above it, however much there is besides. Says nothing of time: a grant may have ended.
 */
export class AccessModel {
  #builtInRoles: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #roles = new Map<string, readonly string[]>();
  readonly #members = new Map<string, readonly string[]>();
  /** The groups that name a member, by the member. */
  readonly #parents = new Map<string, Set<string>>();
  readonly #grants = new Map<string, Grant>();
  readonly #grantsByMember = new Map<string, Set<Grant>>();
  readonly #holdings = new Map<string, Holdings>();
  readonly #listeners = new Set<() => void>();

  /** Roles that mean this whatever is stored under their names. */
  setBuiltInRoles(roles: readonly Role[]): void {
    this.#builtInRoles = new Map(roles.map(({ name, permissions }) => [name, permissions]));
  }

  /** Calls a function after each change; it must be quick and must not throw. The function that is returned ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  clear(): void {
    for (const kept of [this.#roles, this.#members, this.#parents, this.#grants, this.#grantsByMember, this.#holdings])
      kept.clear();
    this.#tell();
  }

  setRole(name: string, role: Pick<Role, 'permissions'> | undefined): void {
    if (role === undefined) this.#roles.delete(name);
    else this.#roles.set(name, role.permissions);
    this.#tell();
  }

  setGroup(name: string, group: Pick<Group, 'members'> | undefined): void {
    for (const member of this.#members.get(name) ?? []) removeFrom(this.#parents, member, name);
    if (group === undefined) this.#members.delete(name);
    else {
      this.#members.set(name, group.members);
      for (const member of group.members) addTo(this.#parents, member, name);
    }
    this.#holdings.clear();
    this.#tell();
  }

  setBinding(name: string, binding: Binding | undefined): void {
    const old = this.#grants.get(name);
    if (old !== undefined) removeFrom(this.#grantsByMember, old.member, old);
    if (binding === undefined) this.#grants.delete(name);
    else {
      const grant = toGrant(name, binding);
      this.#grants.set(name, grant);
      addTo(this.#grantsByMember, grant.member, grant);
    }
    this.#holdings.clear();
    this.#tell();
  }

  /** The patterns of a role's permissions. None, if there is no such role. */
  permissionsOf(role: string): readonly string[] {
    return this.#builtInRoles.get(role) ?? this.#roles.get(role) ?? NO_PATTERNS;
  }

  /** All grants, of every member. */
  grants(): Iterable<Grant> {
    return this.#grants.values();
  }

  grantsTo(member: string): Iterable<Grant> {
    return this.#grantsByMember.get(member) ?? [];
  }

  /** All groups that a principal or a group is in. Circles end where they close. */
  groupsOf(member: string): ReadonlySet<string> {
    const found = new Set<string>();
    const open = [member];
    for (let current = open.pop(); current !== undefined; current = open.pop()) {
      for (const parent of this.#parents.get(current) ?? []) {
        if (found.has(parent)) continue;
        found.add(parent);
        open.push(parent);
      }
    }
    return found;
  }

  holdingsOf(principal: string): Holdings {
    const known = this.#holdings.get(principal);
    if (known !== undefined) return known;
    const made = this.#collect(principal);
    // The one that was kept longest goes; that it may be in use costs no more than collecting it again.
    const [oldest] = this.#holdings.keys();
    if (this.#holdings.size >= HOLDINGS_MAX && oldest !== undefined) this.#holdings.delete(oldest);
    this.#holdings.set(principal, made);
    return made;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #collect(principal: string): Holdings {
    const groups = this.groupsOf(principal);
    const byResource = new Map<string, Grant[]>([[principal, [grantOnItself(principal)]]]);
    for (const member of [principal, ...groups]) {
      for (const grant of this.grantsTo(member)) {
        const beside = byResource.get(grant.resource);
        if (beside === undefined) byResource.set(grant.resource, [grant]);
        else beside.push(grant);
      }
    }
    return { groups, byResource };
  }
}

/** Everybody may see what there is about themselves, and end it. No binding stands for it. */
function grantOnItself(member: string): Grant {
  return { binding: '', member, role: SELF_ROLE, resource: member, condition: undefined, expireMs: Infinity };
}

function toGrant(binding: string, { member, role, resource, condition, expireTime }: Binding): Grant {
  return {
    binding,
    member,
    role,
    resource,
    condition: condition && compileStored(condition.expression),
    expireMs: expireTime === undefined ? Infinity : toMs(expireTime),
  };
}

/** A stored condition was compiled before it was stored; one that cannot be any more gives nothing. */
function compileStored(expression: string): CompiledCondition {
  try {
    return compileCondition(expression);
  } catch {
    return () => 'error';
  }
}

function addTo<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function removeFrom<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
