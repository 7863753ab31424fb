import { mkdtemp, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLedger } from '../../src/ledger/ledger.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { OrderField } from '../../src/store/query/condition.js';
import { EVERYTHING } from '../../src/store/query/condition.js';
import { OrderNeedsIndexError } from '../../src/store/query/query.js';
import type { Store } from '../../src/store/store.js';
import { describeMongo } from '../support/describe-mongo.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const TEST_MS_MAX = 60_000;
/** More than can be put in order without an index. */
const DOCUMENTS = 10_500;
const PER_COMMIT = 500;
const BY_RANK: readonly OrderField[] = [{ field: { kind: 'value', keys: ['rank'] }, descending: false }];

describe('an index that is declared on much data, on the embedded engine', () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-index-'));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  describeBuilding(() => openEmbeddedStore({ dataDir, indexWaitMs: 0 }));
});

describeMongo('an index that is declared on much data, on a MongoDB server', (server) => {
  let url: string;

  beforeEach(() => {
    url = server().urlOf(`keelson_index_${randomUUID().slice(0, 8)}`);
  });

  describeBuilding(() => openMongoStore({ url, indexWaitMs: 0 }));
});

function describeBuilding(open: () => Promise<Store>): void {
  it('is waited for by nobody, and used once it is ready', async function () {
    this.timeout(TEST_MS_MAX);
    const filled = await open();
    await fill(filled);
    await filled.close();
    const store = await open();
    const ledger = await createLedger({ store, logger: SILENT_LOGGER });
    await ledger.declareCollections(['orders']);

    await ledger.declareIndexes('orders', [{ fields: BY_RANK }]);

    const asked = { parent: 'all/', orderBy: BY_RANK, condition: EVERYTHING, limit: 2, examineMax: 5_000 } as const;
    const few = await ledger.query('orders', { ...asked, parent: 'few/' });
    expect(few.found.map(({ document }) => document.id)).to.deep.equal(['few/b', 'few/a']);
    const found = await untilReady(() => ledger.query('orders', asked));
    expect(found.found.map(({ document }) => document.value)).to.deep.equal([{ rank: 0 }, { rank: 1 }]);
    await ledger.close();
    await store.close();
  });
}

async function fill(store: Store): Promise<void> {
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  await ledger.declareCollections(['orders']);
  const put = (id: string, rank: number) => ({ kind: 'put', collection: 'orders', id, value: { rank } }) as const;
  await ledger.commit({ writes: [put('few/a', 2), put('few/b', 1)] });
  const starts = Array.from({ length: DOCUMENTS / PER_COMMIT }, (_, n) => n * PER_COMMIT);
  await Promise.all(
    starts.map((start) =>
      ledger.commit({
        writes: Array.from({ length: PER_COMMIT }, (_, n) => put(`all/${start + n}`, DOCUMENTS - 1 - start - n)),
      }),
    ),
  );
  await ledger.close();
}

/** Asks until the order can be had; the limit of the test ends it. */
async function untilReady<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (err) {
      if (!(err instanceof OrderNeedsIndexError)) throw err;
      await new Promise(setImmediate);
    }
  }
}
