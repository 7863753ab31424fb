import { Binding } from '../../gen/keelson/access/v1/resources.js';
import { AccessModel } from '../../src/services/access/access-model.js';
import { createBuiltInRoles } from '../../src/services/access/built-in-roles.js';
import { isGranted } from '../../src/services/access/decide.js';
import type { BenchCase, Contender } from '../bench.js';

const MS_PER_SECOND = 1000;
const PERMISSION = 'documents.documents.get';
/** Decisions between two looks at the time. */
const CLOCK = { now: () => 0 };
const BATCH = 1_000;
/** Who asks; each has one binding, and is in one group. */
const PRINCIPALS = 10;

export const decision: BenchCase = {
  name: 'decision',
  about: 'decisions with 10 bindings, and with 10,000 bindings and 1,000 groups, by one thread',
  run: (bench) =>
    bench.compare('decision', [
      contender('keelson', { bindings: 10_000, groups: 1_000 }),
      contender('few', { bindings: 10, groups: 10 }),
    ]),
};

interface World {
  readonly bindings: number;
  readonly groups: number;
}

/** Counts by the time of the processor, which others on the machine do not take away. */
function contender(system: string, world: World): Contender {
  const model = createModel(world);
  return {
    system,
    load: async (durationMs) => {
      const end = performance.now() + durationMs;
      const before = process.cpuUsage();
      let decisions = 0;
      let granted = 0;
      while (performance.now() < end) {
        for (let index = 0; index < BATCH; index += 1) {
          const who = index % PRINCIPALS;
          const resource = `collections/c${who}/documents/d${index}`;
          if (isGranted(model, { principal: `users/u${who}`, permission: PERMISSION, resource, clock: CLOCK }))
            granted += 1;
        }
        decisions += BATCH;
      }
      if (granted !== decisions) throw new Error(`${decisions - granted} of ${decisions} decisions were wrong`);
      const { user, system: inSystem } = process.cpuUsage(before);
      const seconds = (user + inSystem) / MS_PER_SECOND ** 2;
      return { rps: decisions / seconds, p50Ms: 0, p99Ms: 0 };
    },
  };
}

function createModel({ bindings, groups }: World): AccessModel {
  const model = new AccessModel();
  model.setBuiltInRoles(createBuiltInRoles([{ name: PERMISSION, changesNothing: true }]));
  for (let index = 0; index < groups; index += 1) {
    // A tenth of the groups are in another.
    const inner = index % 10 === 9 ? [`groups/g${index - 1}`] : [];
    model.setGroup(`groups/g${index}`, { members: [`users/u${index}`, ...inner] });
  }
  for (let index = 0; index < bindings; index += 1) {
    const binding = { member: `users/u${index}`, role: 'roles/viewer', resource: `collections/c${index}` };
    model.setBinding(`bindings/b${index}`, Binding.fromPartial(binding));
  }
  return model;
}
