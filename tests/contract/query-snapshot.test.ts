import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { EVERYTHING } from '../../src/store/query/condition.js';
import { OrderNeedsIndexError } from '../../src/store/query/query.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const TEST_MS_MAX = 60_000;
const PER_COMMIT = 500;
/** More than can be put in order without an index. */
const DOCUMENTS = 10_500;
const QUERY = { parent: 'p/', orderBy: [], condition: EVERYTHING, examineMax: 5_000 } as const;

// The driver reads a hundred rows ahead; what ends a query early has to be further from the end than that.
describe('a query of the embedded engine that ends early', function () {
  this.timeout(TEST_MS_MAX);
  let engine: Engine;
  let ledger: Ledger;

  beforeEach(async () => {
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await ledger.declareCollections(['things']);
    for (let start = 0; start < DOCUMENTS; start += PER_COMMIT) {
      const writes = Array.from({ length: PER_COMMIT }, (_, n) => put(`p/${start + n}`, 0));
      await ledger.commit({ writes });
    }
  });

  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  it('does not keep later reads from seeing later commits', async () => {
    const { found } = await ledger.query('things', { ...QUERY, limit: 2 });
    expect(found).to.have.length(2);

    await ledger.commit({ writes: [put('p/7', 1)] });

    expect((await ledger.get('things', 'p/7'))?.value).to.deep.equal({ n: 1 });
  });

  it('does not do so if it is refused, either', async () => {
    const orderBy = [{ field: { kind: 'value', keys: ['n'] }, descending: false }] as const;
    const refusal = await rejection(ledger.query('things', { ...QUERY, orderBy, limit: 2 }));
    expect(refusal).to.be.instanceOf(OrderNeedsIndexError);

    await ledger.commit({ writes: [put('p/7', 1)] });

    expect((await ledger.get('things', 'p/7'))?.value).to.deep.equal({ n: 1 });
  });
});

function put(id: string, n: number) {
  return { kind: 'put', collection: 'things', id, value: { n } } as const;
}
