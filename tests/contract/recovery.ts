import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import {
  ACCESS_STATE_COLLECTION,
  createAccessPolicies,
  defineAccess,
  replicateAccess,
  type AccessPolicies,
} from '../../src/repositories/access-policies.js';
import { openIdentities, type Identities } from '../../src/repositories/identities.js';
import type { Replica } from '../../src/repositories/replica.js';
import { declareResources } from '../../src/repositories/resource.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { AccessModel } from '../../src/services/access/access-model.js';
import { FIRST_ADMIN } from '../../src/services/identity/first-admin.js';
import { recoverAdmin } from '../../src/services/identity/recover-admin.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

/** What a recovery promises those who change identities meanwhile, on any engine. */
export function describeRecovery(createEngine: CreateEngine): void {
  let engine: Engine;
  let ledger: Ledger;
  let replica: Replica;
  let identities: Identities;
  let policies: AccessPolicies;

  beforeEach(async () => {
    engine = await createEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
    const now = () => Date.now();
    identities = await openIdentities({ ledger, registry, now });
    const definitions = defineAccess(registry);
    await ledger.declareCollections([ACCESS_STATE_COLLECTION]);
    await declareResources(ledger, Object.values(definitions));
    replica = await replicateAccess(ledger, definitions, new AccessModel());
    policies = createAccessPolicies({ ledger, definitions, replica, now });
  });

  afterEach(async () => {
    replica.close();
    await ledger.close();
    await engine.destroy();
  });

  it('makes whoever has looked at the keys of the administrator meanwhile look again', async () => {
    const looks: (readonly string[])[] = [];
    let recovered = '';
    await identities.change(async (view) => {
      const { names, guard } = await identities.apiKeys.keysOf(view, FIRST_ADMIN);
      looks.push(names);
      if (recovered === '') recovered = (await recoverAdmin({ identities, policies })).apiKey;
      return [guard];
    });

    expect(looks).to.deep.equal([[], [recovered]]);
  });
}
