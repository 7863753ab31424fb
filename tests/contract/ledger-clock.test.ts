import { expect } from 'chai';
import { createLedger } from '../../src/ledger/ledger.js';
import { createSystemClock } from '../../src/ledger/surroundings.js';
import { verifyLedger } from '../../src/ledger/verify.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const HOUR_MS = 60 * 60 * 1000;

// The run book "Clock wrong" of docs/operations.md.
describe('the times of commits', () => {
  it('never go back, though the clock is set back by an hour, and go on once it has caught up', async () => {
    const engine = await createEmbeddedEngine();
    try {
      const store = await engine.open();
      let offsetMs = HOUR_MS;
      const clock = { ...createSystemClock(), now: () => Date.UTC(2030) + offsetMs };
      const ledger = await createLedger({ store, logger: SILENT_LOGGER, clock });
      await ledger.declareCollections(['orders']);
      const put = async (id: string) => {
        await ledger.commit({ writes: [{ kind: 'put', collection: 'orders', id, value: {} }] });
        const { time } = await store.readApplied();
        return time - Date.UTC(2030);
      };
      expect(await put('a')).to.equal(HOUR_MS);
      offsetMs = 0;
      expect(await put('b')).to.equal(HOUR_MS);
      offsetMs = HOUR_MS + 1;
      expect(await put('c')).to.equal(HOUR_MS + 1);
      expect(await verifyLedger(store)).to.include({ ok: true });
      await ledger.close();
    } finally {
      await engine.destroy();
    }
  });
});
