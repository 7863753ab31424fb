import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { createKeyUses, type KeyUses } from '../../src/repositories/key-uses.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const KEY = 'serviceAccounts/a/apiKeys/k';
const OTHER = 'serviceAccounts/a/apiKeys/other';

describe('The last uses of API keys', () => {
  let clock: ManualClock;
  let engine: Engine;
  let ledger: Ledger;
  const open: KeyUses[] = [];

  beforeEach(async () => {
    clock = createManualClock();
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
  });

  afterEach(async () => {
    for (const uses of open.splice(0)) await uses.close();
    await ledger.close();
    await engine.destroy();
  });

  function openUses(): KeyUses {
    const uses = createKeyUses({ leases: ledger.leases, clock, onError: (err) => expect.fail(String(err)) });
    open.push(uses);
    return uses;
  }

  it('are known when they were written down, and only of keys that were used', async () => {
    const uses = openUses();
    uses.note(KEY);
    expect(await uses.lastUse(KEY)).to.equal(undefined);
    await uses.flush();

    expect(await uses.lastUse(KEY)).to.equal(clock.now());
    expect(await uses.lastUse(OTHER)).to.equal(undefined);
  });

  it('cost one write for any number of calls, and none for keys that were not used again', async () => {
    const uses = openUses();
    const written = async () => (await ledger.leases.read({ kind: 'api_key_uses', id: KEY }))?.fence;
    for (let call = 0; call < 1000; call += 1) uses.note(KEY);
    await uses.flush();
    const first = await written();
    await uses.flush();

    expect(await written()).to.equal(first);
    clock.advance(1000);
    uses.note(KEY);
    await uses.flush();
    expect(await written()).to.not.equal(first);
    expect(await uses.lastUse(KEY)).to.equal(clock.now());
  });

  it('of another process are not set back', async () => {
    const [slow, fast] = [openUses(), openUses()];
    slow.note(KEY);
    const slowClock = clock.now();
    await slow.flush();
    clock.advance(60_000);
    fast.note(KEY);
    await fast.flush();

    clock.advance(slowClock - clock.now());
    slow.note(KEY);
    await slow.flush();
    expect(await slow.lastUse(KEY)).to.equal(slowClock + 60_000);
  });

  it('are written down when the process stops', async () => {
    const uses = openUses();
    uses.note(KEY);
    await uses.close();

    expect(await uses.lastUse(KEY)).to.equal(clock.now());
  });
});
