import type { DescMessage } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { defineResource, type ResourceDefinition } from '../../src/repositories/definition.js';
import { createMessageCodec } from '../../src/repositories/message-codec.js';
import { openMessageResources, type MessageResources } from '../../src/repositories/message-resource.js';
import { createResources, declareResource, type Resources } from '../../src/repositories/resource.js';
import { readDocBlocks, type DocBlock } from '../support/doc-blocks.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { codecOf, compileFixture } from '../support/people-contract.js';
import { runDocBlock } from '../support/run-doc-block.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const CONTRACTS = 'tests/fixtures/parcels';
const HOOK_MS_MAX = 60_000;

interface Parcel {
  readonly name: string;
  readonly state: string;
}

describe('docs/resources.md', function () {
  this.timeout(HOOK_MS_MAX);
  const [defined, opened] = readDocBlocks('docs/resources.md') as [DocBlock, DocBlock];
  const registry = compileFixture(CONTRACTS, [`${CONTRACTS}/keelson/parcels/v1/parcel.proto`]);
  const descriptor = registry.getMessage('keelson.parcels.v1.Parcel') as DescMessage;
  const generated = codecOf(descriptor);
  let engine: Engine;
  let ledger: Ledger;

  beforeEach(async () => {
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
  });
  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  async function useThem(parcels: Resources<Parcel>): Promise<void> {
    const content = generated.fromPartial({ state: 'open' }) as Parcel;
    const { name } = await parcels.create({ parent: 'depots/north', id: 'p-1', content });
    expect(name).to.equal('depots/north/parcels/p-1');
    const { resources } = await parcels.list({
      parent: 'depots/north',
      filter: 'state = "open"',
      pageSize: 10,
      pageToken: '',
    });
    expect(resources.map((parcel) => parcel.name)).to.deep.equal([name]);
  }

  it('defines a resource by its codec', async () => {
    const given = {
      defineResource,
      createMessageCodec,
      createResources,
      Parcel: generated,
      descriptor,
      registry,
      ledger,
    };
    const result = '({ definition: PARCELS, parcels })';
    const made = (await runDocBlock(defined, given, result)) as {
      readonly definition: ResourceDefinition<Parcel>;
      readonly parcels: Resources<Parcel>;
    };
    await declareResource(ledger, made.definition);

    await useThem(made.parcels);
  });

  it('opens one that is a message of a contract', async () => {
    const deps = { ledger, registry, now: () => Date.now() };
    const given = { openMessageResources, Parcel: generated, deps };

    await useThem((await runDocBlock(opened, given, 'parcels')) as MessageResources<Parcel>);
  });
});
