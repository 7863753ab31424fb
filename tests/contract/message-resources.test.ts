import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Role } from '../../gen/keelson/access/v1/resources.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { ResourceError } from '../../src/repositories/errors.js';
import { FieldMaskError } from '../../src/repositories/field-mask.js';
import { openMessageResources, type MessageResources } from '../../src/repositories/message-resource.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

// A role is a message with a field that only its service sets: `built_in`.
describe('openMessageResources()', () => {
  let engine: Engine;
  let ledger: Ledger;
  let roles: MessageResources<Role>;

  beforeEach(async () => {
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
    const settings = { messageType: 'keelson.access.v1.Role', collection: 'test_roles' };
    roles = await openMessageResources(ledgerDeps(registry), Role, settings);
  });

  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  const ledgerDeps = (registry: ReturnType<typeof readDescriptorImage>) => ({
    ledger,
    registry,
    now: () => Date.now(),
  });
  const aRole = (role: Partial<Role>) => Role.fromPartial({ title: 'T', permissions: ['a.b.c'], ...role });
  const built = async () => {
    const { name } = await roles.create({ parent: '', id: 'r', content: aRole({ builtIn: true }) });
    return name;
  };

  it('takes type, word and pattern from the contract', () => {
    expect(roles.definition).to.include({ type: 'keelson.dev/Role', singular: 'role', pattern: 'roles/{role}' });
  });

  it('refuses a message that is no resource', async () => {
    const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
    const settings = { messageType: 'keelson.access.v1.GetRoleRequest', collection: 'x' };

    const err = await rejection(openMessageResources(ledgerDeps(registry), Role, settings), TypeError);

    expect(err.message).to.match(/GetRoleRequest lacks the type/);
  });

  describe('of callers', () => {
    it('passes over at a creation what only the service sets', async () => {
      const created = await roles.ofCallers.create({ parent: '', id: 'r', content: aRole({ builtIn: true }) });

      expect(created).to.include({ title: 'T', builtIn: false });
    });

    for (const mask of [undefined, [], ['*'], ['title']]) {
      it(`leaves it as it is at an update with the mask ${JSON.stringify(mask)}`, async () => {
        const name = await built();

        const update = { name, etag: '', mask, content: aRole({ title: 'U', builtIn: false }) };
        const updated = await roles.ofCallers.update(update);

        expect(updated).to.include({ title: 'U', builtIn: true });
      });
    }

    it('removes at an update of the whole what the request lacks', async () => {
      const name = await built();

      const content = Role.fromPartial({ title: 'U' });
      const updated = await roles.ofCallers.update({ name, etag: '', mask: undefined, content });

      expect(updated.permissions).to.deep.equal([]);
    });

    it('refuses a mask that names it', async () => {
      const name = await built();

      const update = roles.ofCallers.update({ name, etag: '', mask: ['built_in'], content: aRole({}) });

      expect((await rejection(update, FieldMaskError)).message).to.include('built_in');
    });
  });

  describe('change()', () => {
    it('replaces a resource by what is made of the newest state', async () => {
      const name = await built();
      const grow = () =>
        roles.change(name, (role) => ({
          ...role,
          permissions: [...role.permissions, `a.b.${role.permissions.length}`],
        }));

      await Promise.all(Array.from({ length: 8 }, grow));

      expect((await roles.get(name)).permissions).to.have.length(9);
    });

    it('throws on what the decision throws, and changes nothing', async () => {
      const name = await built();
      const before = await roles.get(name);

      const refuse = () => {
        throw new RangeError('not now');
      };
      await rejection(roles.change(name, refuse), RangeError);

      expect(await roles.get(name)).to.deep.equal(before);
    });

    it('rejects with not-found where there is none', async () => {
      const change = roles.change('roles/none', (role) => role);

      expect(await rejection(change, ResourceError)).to.include({ failure: 'not-found' });
    });
  });
});
