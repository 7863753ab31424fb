import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  BuildIndexMetadata,
  CollectionServiceDefinition,
  IndexState,
} from '../../gen/keelson/documents/v1/collection_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { OperationsDefinition } from '../../gen/google/longrunning/operations.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { describeMongo } from '../support/describe-mongo.js';
import { startServeProcess, type ServeProcess } from '../support/serve-process.js';

const BATCH = 500;
const HOOK_MS_MAX = 60_000;
const TEST_MS_MAX = 180_000;
const WAIT_SECONDS = 120;
const PARENT = 'collections/indexed';

describe('the build of an index in a server that is killed, on the embedded engine', () =>
  testKilledBuild({ settings: () => ({}), count: 10_000 }));

describeMongo('the build of an index in a server that is killed, on MongoDB', (server) =>
  testKilledBuild({
    settings: () => ({ KEELSON_STORE_URL: server().urlOf(`keelson_builds_${randomUUID().slice(0, 8)}`) }),
    count: 2_000,
  }),
);

interface KilledBuild {
  readonly settings: () => Readonly<Record<string, string>>;
  /** Documents: as many as take an engine much longer than it takes to see that the build has begun. */
  readonly count: number;
}

function testKilledBuild({ settings, count }: KilledBuild): void {
  let server: ServeProcess;
  let directory: string;
  let token: string;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    directory = await mkdtemp(join(tmpdir(), 'keelson-builds-'));
    server = await startServeProcess(directory, settings());
    token = await server.readToken();
  });
  after(async function () {
    this.timeout(HOOK_MS_MAX);
    await server.end();
    await rm(directory, { recursive: true, force: true });
  });

  const connect = () => ({
    documents: createClient(DocumentServiceDefinition, { address: server.address, token }),
    collections: createClient(CollectionServiceDefinition, { address: server.address, token }),
    operations: createClient(OperationsDefinition, { address: server.address, token }),
  });
  const closeAll = (clients: ReturnType<typeof connect>) => {
    for (const client of Object.values(clients)) client.close();
  };
  const indexedCount = async (clients: ReturnType<typeof connect>, name: string) => {
    const { metadata } = await clients.operations.getOperation({ name });
    return Number(BuildIndexMetadata.decode(metadata?.value ?? new Uint8Array()).indexedCount);
  };

  it('goes on where it stood, and holds every document once', async () => {
    const before = connect();
    await before.collections.createCollection({ collectionId: 'indexed', collection: {} });
    await before.documents.importDocuments(
      (async function* () {
        for (let first = 0; first < count; first += BATCH) {
          const items = Array.from({ length: BATCH }, (_, n) => ({
            documentId: `d${first + n}`,
            content: { $case: 'json', value: `{"rank":${count - first - n}}` } as const,
          }));
          yield { parent: PARENT, items };
        }
      })(),
    );
    const { name } = await before.collections.createIndex({
      parent: PARENT,
      indexId: 'rank',
      index: { orderBy: 'fields.rank', unique: true },
    });
    let stood = 0;
    while (stood === 0) stood = await indexedCount(before, name);
    await server.restart();
    closeAll(before);

    const clients = connect();
    const found = await indexedCount(clients, name);
    expect(found).to.be.within(stood, count - 1);
    const { done } = await clients.operations.waitOperation(
      { name, timeout: { seconds: BigInt(WAIT_SECONDS), nanos: 0 } },
      { timeoutMs: TEST_MS_MAX },
    );

    expect(done).to.equal(true);
    // Each step counts its documents, so that one done twice would show.
    expect(await indexedCount(clients, name)).to.equal(count);
    const index = await clients.collections.getIndex({ name: `${PARENT}/indexes/rank` });
    expect(index.state).to.equal(IndexState.INDEX_STATE_READY);
    const ranks: number[] = [];
    for await (const { documents } of clients.documents.queryDocuments({ parent: PARENT, orderBy: 'fields.rank' }))
      ranks.push(...documents.map(({ fields }) => Number(fields?.['rank'])));
    expect(ranks).to.deep.equal(Array.from({ length: count }, (_, n) => n + 1));
    closeAll(clients);
  }).timeout(TEST_MS_MAX);
}
