import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { OperationsDefinition } from '../../gen/google/longrunning/operations.js';
import { CollectionServiceDefinition } from '../../gen/keelson/documents/v1/collection_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import type { JsonObject } from '../../src/store/json-value.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { DOCUMENT_COMMANDS, type RealDocuments } from '../support/documents/document-commands.js';
import { DocumentModel, stableJson } from '../support/documents/document-model.js';
import { seed } from '../support/seed.js';

const HOOK_MS_MAX = 60_000;
const MODEL_MS_MAX = 300_000;

describe('documents beside a plain model, on the embedded engine', () => testModel(() => ({}), { numRuns: 40 }));

describeMongo('documents beside a plain model, on MongoDB', (server) =>
  testModel(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) }), { numRuns: 5 }),
);

function testModel(settings: () => Readonly<Record<string, string>>, { numRuns }: { numRuns: number }): void {
  let app: TestApp;
  let clients: Omit<RealDocuments, 'parent'>;
  let serial = 0;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    clients = {
      documents: createClient(DocumentServiceDefinition, app),
      collections: createClient(CollectionServiceDefinition, app),
      operations: createClient(OperationsDefinition, app),
    };
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const client of Object.values(clients)) client.close();
    await app.close();
  });

  const setup = async () => {
    serial += 1;
    const collectionId = `m${serial}`;
    const parent = `collections/${collectionId}`;
    await clients.collections.createCollection({ collectionId, collection: {} });
    const unique = { orderBy: 'fields.u', unique: true, sparse: true };
    const { name } = await clients.collections.createIndex({ parent, indexId: 'unique', index: unique });
    await clients.operations.waitOperation({ name });
    return { model: new DocumentModel(), real: { ...clients, parent } };
  };

  it('do what the model does, whatever is called in whatever order, and tell a watcher all of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(DOCUMENT_COMMANDS, { maxCommands: 30 }), async (commands) => {
        const { model, real } = await setup();
        const { revision } = await real.documents.countDocuments({ parent: real.parent });
        await fc.asyncModelRun(() => ({ model, real }), commands);
        expect(await watched(real, revision, model.told.length)).to.deep.equal(model.told);
      }),
      { seed: seed(), numRuns, endOnFailure: false },
    );
  }).timeout(MODEL_MS_MAX);
}

/** What a watch tells from a revision on, until it has told so much, and a removal that was nothing left out. */
async function watched({ documents, parent }: RealDocuments, afterRevision: bigint, count: number): Promise<string[]> {
  const told: string[] = [];
  if (count === 0) return told;
  for await (const { changes } of documents.watchDocuments({ parent, afterRevision })) {
    for (const { change } of changes) {
      if (change === undefined) continue;
      const name = change.$case === 'put' ? change.value.name : change.value;
      const id = name.slice(name.lastIndexOf('/') + 1);
      told.push(change.$case === 'put' ? `${id}=${stableJson((change.value.fields ?? {}) as JsonObject)}` : `-${id}`);
    }
    if (told.length >= count) break;
  }
  return told;
}
