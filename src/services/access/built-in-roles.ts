import { Role } from '../../../gen/keelson/access/v1/resources.js';
import { EVERY_PERMISSION } from './permission-pattern.js';

export const OWNER_ROLE = 'roles/owner';

/** What every principal has on itself, without a binding. */
export const SELF_ROLE = 'roles/self';

const SELF_PERMISSIONS = [
  'identity.serviceAccounts.get',
  'identity.sessions.list',
  'identity.sessions.revoke',
  'identity.users.get',
  'identity.users.setPassword',
];

/** Areas whose permissions decide about other permissions: only owners, and admins of the area, have them. */
const GUARDED_AREAS: ReadonlySet<string> = new Set(['access', 'audit', 'identity']);

/** A permission that some method asks for. */
export interface KnownPermission {
  /** `documents.documents.get`. */
  readonly name: string;
  readonly changesNothing: boolean;
}

/** Makes the roles that come with the services that are there. */
export function createBuiltInRoles(permissions: readonly KnownPermission[]): readonly Role[] {
  const open = permissions.filter(({ name }) => !GUARDED_AREAS.has(areaOf(name)));
  const areas = [...new Set(permissions.map(({ name }) => areaOf(name)))].sort();
  const reads = open.filter(({ changesNothing }) => changesNothing).map(({ name }) => name);
  const openAreas = areas.filter((area) => !GUARDED_AREAS.has(area));
  return [
    builtIn(OWNER_ROLE, 'Everything', [EVERY_PERMISSION]),
    builtIn('roles/editor', 'Everything but access, audit and identity', openAreas.map(everythingOf)),
    builtIn('roles/viewer', 'Reading everything but access, audit and identity', [...new Set(reads)].sort()),
    builtIn(SELF_ROLE, 'What every principal has on itself', SELF_PERMISSIONS),
    ...areas.map((area) => builtIn(`roles/${area}-admin`, `Everything in ${area}`, [everythingOf(area)])),
  ];
}

function builtIn(name: string, title: string, permissions: readonly string[]): Role {
  return Role.fromPartial({ name, title, permissions: [...permissions], builtIn: true });
}

function areaOf(permission: string): string {
  return permission.slice(0, permission.indexOf('.'));
}

function everythingOf(area: string): string {
  return `${area}.${EVERY_PERMISSION}`;
}
