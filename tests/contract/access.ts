import { expect } from 'chai';
import { BindingVerdict_Verdict as Verdict } from '../../gen/keelson/access/v1/access_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { OWNER, startAccessServer, type AccessClient, type AccessServer } from '../support/access-server.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';

const NOON = Date.parse('2024-05-01T12:00:00Z');
const GET = 'documents.documents.get';
const ORDER = 'collections/orders/documents/o-17';

/** What decisions promise, on any engine. */
export function describeAccess(createEngine: CreateEngine, { isShared }: { readonly isShared: boolean }): void {
  let engine: Engine;
  let server: AccessServer;
  let owner: AccessClient;
  let time = NOON;

  const start = async () => {
    const store = await engine.open();
    const started = await startAccessServer({ store, now: () => time });
    return { ...started, close: () => started.close().then(() => store.close()) };
  };

  beforeEach(async () => {
    time = NOON;
    engine = await createEngine();
    server = await start();
    owner = server.as(OWNER);
  });

  afterEach(async () => {
    await server.close();
    await engine.destroy();
  });

  const bind = (member: string, role: string, resource: string, more: object = {}) =>
    owner.createBinding({ binding: { member, role, resource, ...more } });
  const may = async (principal: string, permission = GET, resource = ORDER) =>
    (await owner.checkAccess({ check: { principal, permission, resource } })).allowed;
  const reasonOf = async (promise: Promise<unknown>) => (await rejection(promise, CallError)).reason;

  describe('a decision', () => {
    it('denies what nothing grants', async () => {
      expect(await may('users/ada')).to.equal(false);
    });

    it('follows a binding on the resource, above it, and on everything', async () => {
      for (const [index, resource] of [ORDER, 'collections/orders', 'collections', '*'].entries()) {
        await bind(`users/u${index}`, 'roles/viewer', resource);

        expect(await may(`users/u${index}`), resource).to.equal(true);
      }
    });

    it('does not follow a binding on a resource whose name begins alike, or below', async () => {
      for (const resource of [
        'collections/order',
        'collections/orders-2',
        `${ORDER}/x`,
        'collections/orders/documents/o-1',
      ]) {
        await bind('users/ada', 'roles/viewer', resource);
      }

      expect(await may('users/ada')).to.equal(false);
    });

    it('grants what the role has and no more', async () => {
      await bind('users/ada', 'roles/viewer', 'collections/orders');

      expect(await may('users/ada', 'access.roles.list')).to.equal(false);
      expect(await may('users/ada', 'documents.documents.delete')).to.equal(false);
    });

    it('is denied at once when the binding is gone', async () => {
      const { name } = await bind('users/ada', 'roles/viewer', '*');
      await owner.deleteBinding({ name });

      expect(await may('users/ada')).to.equal(false);
    });

    it('ends with the binding', async () => {
      await bind('users/ada', 'roles/viewer', '*', { expireTime: { seconds: BigInt(NOON / 1000 + 60), nanos: 0 } });
      expect(await may('users/ada')).to.equal(true);

      time += 60_000;

      expect(await may('users/ada')).to.equal(false);
    });

    it('follows members of groups in groups, in circles too', async () => {
      await owner.createGroup({ groupId: 'a', group: { members: ['groups/b'] } });
      await owner.createGroup({ groupId: 'b', group: { members: ['groups/c', 'users/ada'] } });
      await owner.createGroup({ groupId: 'c', group: { members: ['groups/a', 'users/bob'] } });
      await bind('groups/a', 'roles/viewer', '*');

      expect([await may('users/ada'), await may('users/bob'), await may('users/eve')]).to.deep.equal([
        true,
        true,
        false,
      ]);
    });

    it('goes by the role as it is now', async () => {
      await owner.createRole({ roleId: 'reader', role: { permissions: ['documents.*'] } });
      await bind('users/ada', 'roles/reader', '*');
      expect(await may('users/ada')).to.equal(true);

      await owner.updateRole({ role: { name: 'roles/reader', permissions: ['documents.documents.list'] } });

      expect(await may('users/ada')).to.equal(false);
    });

    it('goes by the condition', async () => {
      const only = (expression: string) => ({ condition: { expression } });
      await bind('users/ada', 'roles/viewer', '*', only('resource.name.startsWith("collections/orders/")'));
      await bind('users/bob', 'roles/viewer', '*', only('request.time < timestamp("2024-05-01T12:00:01Z")'));
      await bind('users/eve', 'roles/viewer', '*', only('caller.name == "users/ada" || "groups/x" in caller.groups'));
      await bind('users/max', 'roles/viewer', '*', only('resource.size > 3'));

      expect([await may('users/ada'), await may('users/ada', GET, 'collections/x')]).to.deep.equal([true, false]);
      expect([await may('users/bob'), await may('users/eve'), await may('users/max')]).to.deep.equal([
        true,
        false,
        false,
      ]);
      time += 1000;
      expect(await may('users/bob')).to.equal(false);
    });

    it('is the same after a restart', async () => {
      await bind('users/ada', 'roles/viewer', 'collections/orders');
      await server.close();
      server = await start();
      owner = server.as(OWNER);

      expect([await may('users/ada'), await may('users/bob')]).to.deep.equal([true, false]);
    });
  });

  describe('a token with scopes', () => {
    it('may do what both its bearer and its scopes may', async () => {
      await bind('users/ada', 'roles/editor', '*');
      const check = { check: { permission: GET, resource: ORDER } };

      expect((await server.as('users/ada').checkAccess(check)).allowed).to.equal(true);
      expect((await server.as('users/ada', 'documents.documents.*').checkAccess(check)).allowed).to.equal(true);
      expect((await server.as('users/ada', 'documents.documents.list').checkAccess(check)).allowed).to.equal(false);
      expect(await reasonOf(server.as(OWNER, 'documents.*').listRoles({}))).to.equal('PERMISSION_DENIED');
    });
  });

  describe('asking', () => {
    it('about others needs a permission on the resource', async () => {
      const check = { principal: 'users/bob', permission: GET, resource: ORDER };
      expect(await reasonOf(server.as('users/ada').checkAccess({ check }))).to.equal('PERMISSION_DENIED');
      expect(await reasonOf(server.as('users/ada').explainAccess({ check }))).to.equal('PERMISSION_DENIED');
      await owner.createRole({ roleId: 'asker', role: { permissions: ['access.decisions.check'] } });
      await bind('users/ada', 'roles/asker', 'collections/orders');

      expect((await server.as('users/ada').checkAccess({ check })).allowed).to.equal(false);
      const elsewhere = { ...check, resource: 'collections/secrets' };
      expect(await reasonOf(server.as('users/ada').checkAccess({ check: elsewhere }))).to.equal('PERMISSION_DENIED');
    });

    it('many questions gives an answer for each', async () => {
      await bind('users/ada', 'roles/viewer', 'collections/orders');
      const ask = (resource: string) => ({ principal: 'users/ada', permission: GET, resource });

      const { allowed } = await owner.batchCheckAccess({ checks: [ask(ORDER), ask('collections/x'), ask(ORDER)] });

      expect(allowed).to.deep.equal([true, false, true]);
    });

    it('for all accessible resources leaves out what is below another', async () => {
      await bind('users/ada', 'roles/viewer', 'collections/orders');
      await bind('users/ada', 'roles/viewer', ORDER);
      await bind('users/ada', 'roles/viewer', 'collections/a', { condition: { expression: 'true' } });
      await bind('users/ada', 'roles/viewer', 'collections/a/documents/b');

      const list = { principal: 'users/ada', permission: GET };

      expect(await owner.listAccessibleResources(list)).to.deep.equal({
        resources: [
          { resource: 'collections/a', conditional: true },
          { resource: 'collections/a/documents/b', conditional: false },
          { resource: 'collections/orders', conditional: false },
        ],
        truncated: false,
      });
    });

    it('why names each binding and what it says', async () => {
      await owner.createGroup({ groupId: 'a', group: { members: ['users/ada'] } });
      await bind('groups/a', 'roles/viewer', 'collections/orders');
      await bind('users/ada', 'roles/access-admin', '*');
      await bind('users/ada', 'roles/nothing', ORDER);
      await bind('users/ada', 'roles/editor', '*', { condition: { expression: 'false' } });

      const answer = await owner.explainAccess({ check: { principal: 'users/ada', permission: GET, resource: ORDER } });

      expect(answer.allowed).to.equal(true);
      expect(answer.groups).to.deep.equal(['groups/a']);
      const said = answer.verdicts.map(({ member, role, verdict }) => `${member} ${role} ${verdict}`);
      expect(said.sort()).to.deep.equal([
        `groups/a roles/viewer ${Verdict.VERDICT_GRANTS}`,
        `users/ada roles/access-admin ${Verdict.VERDICT_ROLE_LACKS_PERMISSION}`,
        `users/ada roles/editor ${Verdict.VERDICT_CONDITION_FALSE}`,
        `users/ada roles/nothing ${Verdict.VERDICT_ROLE_LACKS_PERMISSION}`,
      ]);
    });
  });

  describe('a change', () => {
    beforeEach(async () => {
      await bind('users/ada', 'roles/access-admin', '*');
    });
    const ada = () => server.as('users/ada');

    it('gives away no more than the caller has', async () => {
      const refused = [
        ada().createBinding({ binding: { member: 'users/ada', role: 'roles/owner', resource: '*' } }),
        ada().createBinding({ binding: { member: 'users/eve', role: 'roles/viewer', resource: ORDER } }),
        ada().createRole({ roleId: 'mine', role: { permissions: ['*'] } }),
        ada().createRole({ roleId: 'mine', role: { permissions: [GET] } }),
        server.as(OWNER, 'access.*').createRole({ roleId: 'mine', role: { permissions: [GET] } }),
      ];

      for (const promise of refused) expect(await reasonOf(promise)).to.equal('GRANT_EXCEEDS_CALLER');
    });

    it('gives away what the caller has', async () => {
      await ada().createRole({ roleId: 'helpers', role: { permissions: ['access.groups.*'] } });
      await ada().createBinding({ binding: { member: 'users/eve', role: 'roles/helpers', resource: '*' } });

      expect(await may('users/eve', 'access.groups.create', 'groups')).to.equal(true);
    });

    it('does not take what is conditional or ends for what the caller has', async () => {
      await bind('users/ada', 'roles/editor', '*', { condition: { expression: 'true' } });
      await bind('users/ada', 'roles/viewer', '*', { expireTime: { seconds: BigInt(NOON / 1000 + 60), nanos: 0 } });
      const binding = { member: 'users/eve', role: 'roles/viewer', resource: ORDER };

      expect(await reasonOf(ada().createBinding({ binding }))).to.equal('GRANT_EXCEEDS_CALLER');
    });

    it('adds nobody to a group that holds more than the caller, directly or through another group', async () => {
      await owner.createGroup({ groupId: 'inner', group: {} });
      await owner.createGroup({ groupId: 'outer', group: { members: ['groups/inner'] } });
      await bind('groups/outer', 'roles/owner', '*');
      const join = (group: string) =>
        ada().updateGroup({ group: { name: group, members: ['groups/inner', 'users/ada'] } });

      expect(await reasonOf(join('groups/inner'))).to.equal('GRANT_EXCEEDS_CALLER');
      expect(await reasonOf(join('groups/outer'))).to.equal('GRANT_EXCEEDS_CALLER');
    });

    it('does not widen a role beyond what the caller has, and narrows it', async () => {
      await owner.createRole({ roleId: 'reader', role: { permissions: [GET, 'documents.documents.list'] } });
      const update = (permissions: string[]) => ada().updateRole({ role: { name: 'roles/reader', permissions } });

      expect(await reasonOf(update([GET, 'documents.documents.delete']))).to.equal('GRANT_EXCEEDS_CALLER');
      expect((await update([GET])).permissions).to.deep.equal([GET]);
    });

    it('leaves the roles that come with Keelson alone', async () => {
      const role = { name: 'roles/viewer', permissions: ['*'] };

      expect(await reasonOf(owner.updateRole({ role }))).to.equal('ROLE_BUILT_IN');
      expect(await reasonOf(owner.deleteRole({ name: 'roles/viewer' }))).to.equal('ROLE_BUILT_IN');
      expect((await owner.createRole({ roleId: 'mine', role: { ...role, builtIn: true } })).builtIn).to.equal(false);
    });

    it('refuses a condition that cannot be used, and says why', async () => {
      const refused: Readonly<Record<string, RegExp>> = {
        'caller.name ==': /Common Expression Language/,
        'user.name == "x"': /names "user", expected one of/,
        '[1, 2].all(x, x > 0)': /macro/,
        'caller.name.matches("(a+)+$")': /matches/,
        '{"a": 1}.a == 1': /makes a map/,
      };
      for (const [expression, message] of Object.entries(refused)) {
        const err = await rejection(bind('users/x', 'roles/viewer', '*', { condition: { expression } }), CallError);

        expect(err.reason, expression).to.equal('INVALID_REQUEST');
        expect(err.message, expression).to.match(message);
      }
    });

    it('is made once with a request_id', async () => {
      const requestId = '3f2a1d9c-5b7e-4c8d-9a6f-0e1b2c3d4e5f';
      const binding = { member: 'users/x', role: 'roles/viewer', resource: '*' };

      const first = await owner.createBinding({ binding, requestId });

      expect(await owner.createBinding({ binding, requestId })).to.deep.equal(first);
    });
  });

  describe('the last owner', () => {
    const FIRST = 'bindings/first-owner';

    it('cannot be removed, changed, given a condition or an end', async () => {
      const binding = { name: FIRST, member: OWNER, role: 'roles/owner', resource: '*' };
      const refused = [
        owner.deleteBinding({ name: FIRST }),
        owner.updateBinding({ binding: { ...binding, member: 'groups/empty' } }),
        owner.updateBinding({ binding: { ...binding, role: 'roles/viewer' } }),
        owner.updateBinding({ binding: { ...binding, resource: 'collections' } }),
        owner.updateBinding({ binding: { ...binding, condition: { expression: 'false' } } }),
        owner.updateBinding({ binding: { ...binding, expireTime: { seconds: BigInt(NOON / 1000 + 60), nanos: 0 } } }),
      ];

      for (const promise of refused) expect(await reasonOf(promise)).to.equal('LAST_OWNER');
    });

    it('is still there when two owners remove each other at once', async () => {
      for (let round = 0; round < 10; round += 1) {
        const { name } = await bind('users/ada', 'roles/owner', '*');
        const first = (await owner.listBindings({ filter: `member = "${OWNER}"` })).bindings[0];

        const settled = await Promise.allSettled([
          owner.deleteBinding({ name }),
          server.as('users/ada').deleteBinding({ name: first?.name ?? '' }),
        ]);

        expect(settled.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
        // Whoever is left makes the round start over.
        const left = (await may(OWNER, 'access.bindings.create', 'bindings')) ? OWNER : 'users/ada';
        if (left === OWNER) continue;
        await server.as(left).createBinding({ binding: { member: OWNER, role: 'roles/owner', resource: '*' } });
        await owner.deleteBinding({ name });
      }
    });
  });

  if (!isShared) return;

  describe('another process', () => {
    let other: AccessServer;
    beforeEach(async () => {
      other = await start();
    });
    afterEach(() => other.close());

    it('decides by every change that was answered before it is asked', async () => {
      const check = { principal: 'users/ada', permission: GET, resource: ORDER };
      for (let round = 0; round < 10; round += 1) {
        const { name } = await bind('users/ada', 'roles/viewer', '*');
        expect((await other.as(OWNER).checkAccess({ check })).allowed).to.equal(true);

        await other.as(OWNER).deleteBinding({ name });
        expect(await may('users/ada')).to.equal(false);
      }
    });

    it('begins a watch with every change that was answered before', async () => {
      for (let round = 0; round < 10; round += 1) {
        await bind(`users/u${round}`, 'roles/viewer', '*');
        const check = { principal: `users/u${round}`, permission: GET, resource: ORDER };
        const answers = other.as(OWNER).watchAccess({ checks: [check] });
        const watch = answers[Symbol.asyncIterator]();
        expect((await watch.next()).value, `round ${round}`).to.have.nested.property('decisions[0].allowed', true);
        await watch.return?.();
      }
    });

    it('does not help two owners to remove each other', async () => {
      for (let round = 0; round < 5; round += 1) {
        const { name } = await bind('users/ada', 'roles/owner', '*');
        const first = (await owner.listBindings({ filter: `member = "${OWNER}"` })).bindings[0];

        const settled = await Promise.allSettled([
          owner.deleteBinding({ name }),
          other.as('users/ada').deleteBinding({ name: first?.name ?? '' }),
        ]);

        expect(settled.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
        if (await may(OWNER, 'access.bindings.create', 'bindings').catch(() => false)) continue;
        await other.as('users/ada').createBinding({ binding: { member: OWNER, role: 'roles/owner', resource: '*' } });
        await owner.deleteBinding({ name });
      }
    });

    it('does not help to widen a role while somebody binds it', async () => {
      await bind('users/ada', 'roles/access-admin', '*');
      await owner.createRole({ roleId: 'r', role: { permissions: ['access.roles.get'] } });

      const settled = await Promise.allSettled([
        owner.updateRole({ role: { name: 'roles/r', permissions: [GET] } }),
        other.as('users/ada').createBinding({ binding: { member: 'users/eve', role: 'roles/r', resource: '*' } }),
      ]);
      // One after the other, in one order or in the other: never does ada give away what she does not have.
      const bound = settled[1];
      expect(settled[0].status).to.equal('fulfilled');
      if (bound.status === 'rejected') expect((bound.reason as CallError).reason).to.equal('GRANT_EXCEEDS_CALLER');
    });
  });
}
