import { expect } from 'chai';
import { Binding, Role } from '../../../../gen/keelson/access/v1/resources.js';
import { AccessModel } from '../../../../src/services/access/access-model.js';
import { isGranted, judgeGrants, type AccessQuestion } from '../../../../src/services/access/decide.js';
import { createRandom } from '../../../support/random.js';
import { seed } from '../../../support/seed.js';

const WORLDS = 200;
const QUESTIONS_PER_WORLD = 500;
const NOW_MS = 1_000_000;
const CLOCK = { now: () => NOW_MS };

const PRINCIPALS = ['users/a', 'users/b', 'users/ab', 'serviceAccounts/a', 'spiffe://x/a'];
const GROUPS = ['groups/a', 'groups/b', 'groups/c', 'groups/d'];
const ROLES = ['roles/owner', 'roles/r1', 'roles/r2', 'roles/none'];
const PATTERNS = ['*', 'x.*', 'x.y.*', 'x.y.get', 'x.yy.get', 'xx.*', 'xx.y.get'];
const PERMISSIONS = ['x.y.get', 'x.y.list', 'x.yy.get', 'xx.y.get', 'xx.yy.list'];
const RESOURCES = ['a', 'a/b', 'a/b/c', 'a/bb', 'ab', 'a/b/c/d', 'b'];
const CONDITIONS = [
  undefined,
  undefined,
  undefined,
  'true',
  'false',
  'resource.name == "a/b"',
  'caller.name == "users/a"',
  'no.such.thing',
];

/** Everything as it was said, to be judged word by word. */
interface World {
  readonly groups: Map<string, string[]>;
  readonly roles: Map<string, string[]>;
  readonly bindings: Map<string, Binding>;
}

describe('isGranted()', () => {
  it(`decides as a reading of the rules word by word does, for ${WORLDS * QUESTIONS_PER_WORLD} random questions`, function () {
    this.timeout(60_000);
    const random = createRandom(seed());
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
    let granted = 0;
    for (let round = 0; round < WORLDS; round += 1) {
      const model = new AccessModel();
      model.setBuiltInRoles([Role.fromPartial({ name: 'roles/owner', permissions: ['*'] })]);
      const world: World = { groups: new Map(), roles: new Map([['roles/owner', ['*']]]), bindings: new Map() };
      for (let count = 0; count < QUESTIONS_PER_WORLD; count += 1) {
        if (count % 5 === 0) changeSomething(model, world, random, pick);
        const question = {
          principal: pick(PRINCIPALS),
          permission: pick(PERMISSIONS),
          resource: pick(RESOURCES),
          clock: CLOCK,
        };
        const expected = isGrantedNaively(world, question);
        if (expected) granted += 1;

        const decided = isGranted(model, question);
        const explained = judgeGrants(model, question).some(({ verdict }) => verdict === 'grants');
        if (decided !== expected || explained !== expected) expect.fail(describeWorld(world, question));
      }
    }
    // Neither answer is rare, or the comparison would show little.
    expect(granted / (WORLDS * QUESTIONS_PER_WORLD)).to.be.within(0.1, 0.9);
  });

  it('costs no look at what others hold', () => {
    const model = new AccessModel();
    model.setRole('roles/r', { permissions: ['x.y.get'] });
    for (let index = 0; index < 1000; index += 1) {
      model.setBinding(`bindings/${index}`, aBinding(`users/u${index}`, 'roles/r', 'a'));
    }

    const held = [...model.holdingsOf('users/u7').byResource.values()].flat();

    expect(held.filter(({ binding }) => binding !== '')).to.have.length(1);
  });
});

function aBinding(member: string, role: string, resource: string, more: Partial<Binding> = {}): Binding {
  return Binding.fromPartial({ member, role, resource, ...more });
}

type Pick1 = <T>(values: readonly T[]) => T;

function changeSomething(model: AccessModel, world: World, random: () => number, pick: Pick1): void {
  const some = <T>(values: readonly T[]) => values.filter(() => random() < 0.4);
  const isGone = random() < 0.1;
  switch (pick(['role', 'group', 'binding', 'binding', 'binding'])) {
    case 'role': {
      const [name, permissions] = [pick(ROLES.slice(1, 3)), some(PATTERNS.slice(1))];
      put(world.roles, name, isGone ? undefined : permissions);
      model.setRole(name, isGone ? undefined : { permissions });
      break;
    }
    case 'group': {
      const [name, members] = [pick(GROUPS), some([...GROUPS, ...PRINCIPALS])];
      put(world.groups, name, isGone ? undefined : members);
      model.setGroup(name, isGone ? undefined : { members });
      break;
    }
    default: {
      const name = `bindings/${Math.floor(random() * 20)}`;
      const expression = pick(CONDITIONS);
      const binding = aBinding(pick([...GROUPS, ...PRINCIPALS]), pick(ROLES), pick(['*', ...RESOURCES]), {
        condition: expression === undefined ? undefined : { expression, title: '' },
        expireTime: pick([
          undefined,
          { seconds: 999n, nanos: 0 },
          { seconds: 1000n, nanos: 0 },
          { seconds: 1001n, nanos: 0 },
        ]),
      });
      put(world.bindings, name, isGone ? undefined : binding);
      model.setBinding(name, isGone ? undefined : binding);
    }
  }
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function isGrantedNaively(world: World, question: AccessQuestion): boolean {
  const { principal, permission, resource } = question;
  return [...world.bindings.values()].some((binding) => {
    const reaches = binding.member === principal || isInGroup(world, principal, binding.member, new Set());
    const isOn = binding.resource === '*' || `${resource}/`.startsWith(`${binding.resource}/`);
    const grants = (world.roles.get(binding.role) ?? []).some((pattern) =>
      new RegExp(`^${pattern.replaceAll('.', String.raw`\.`).replace('*', '.*')}$`).test(permission),
    );
    const isOver = binding.expireTime !== undefined && NOW_MS >= Number(binding.expireTime.seconds) * 1000;
    return reaches && isOn && grants && !isOver && holdsNaively(binding.condition?.expression, question);
  });
}

function isInGroup({ groups }: World, member: string, group: string, seen: Set<string>): boolean {
  if (seen.has(group)) return false;
  seen.add(group);
  const members = groups.get(group) ?? [];
  return members.includes(member) || members.some((inner) => isInGroup({ groups } as World, member, inner, seen));
}

function holdsNaively(expression: string | undefined, { principal, resource }: AccessQuestion): boolean {
  switch (expression) {
    case undefined:
    case 'true':
      return true;
    case 'resource.name == "a/b"':
      return resource === 'a/b';
    case 'caller.name == "users/a"':
      return principal === 'users/a';
    default:
      return false;
  }
}

function describeWorld({ groups, roles, bindings }: World, question: AccessQuestion): string {
  const told = { question, groups: [...groups], roles: [...roles], bindings: [...bindings] };
  return JSON.stringify(told, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
}
