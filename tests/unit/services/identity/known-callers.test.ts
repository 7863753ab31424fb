import { expect } from 'chai';
import { KnownCallers, type KnownCaller } from '../../../../src/services/identity/known-callers.js';
import { deferred } from '../../../support/deferred.js';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.js';

const TOKEN = 'keelson_orders.k_secret';
const CALLER = { name: 'serviceAccounts/orders', permissions: ['*'] };

describe('KnownCallers', () => {
  let onChange: (() => void) | undefined;
  let clock: ManualClock;
  let known: KnownCallers;

  beforeEach(() => {
    clock = createManualClock();
    const watch = (given: () => void) => {
      onChange = given;
      return () => (onChange = undefined);
    };
    known = new KnownCallers({ watch, clock });
  });

  const remember = (untilMs = Infinity) => known.remember(TOKEN, async () => ({ caller: CALLER, untilMs }));

  it('gives whom it was told', async () => {
    expect(known.find(TOKEN)).to.equal(undefined);
    await remember();
    expect(known.find(TOKEN)?.caller).to.equal(CALLER);
    expect(known.find(`${TOKEN}x`)).to.equal(undefined);
  });

  it('forgets when something changes', async () => {
    await remember();
    onChange?.();
    expect(known.find(TOKEN)).to.equal(undefined);
  });

  it('gives nobody from the moment on at which it ends', async () => {
    await remember(clock.now() + 1);
    expect(known.find(TOKEN)).not.to.equal(undefined);
    clock.advance(1);
    expect(known.find(TOKEN)).to.equal(undefined);
  });

  it('does not keep what changed while it was found out', async () => {
    const found = deferred<KnownCaller>();
    const remembered = known.remember(TOKEN, () => found.promise);
    onChange?.();
    found.resolve({ caller: CALLER, untilMs: Infinity });

    expect((await remembered)?.caller).to.equal(CALLER);
    expect(known.find(TOKEN)).to.equal(undefined);
  });

  it('does not keep nobody', async () => {
    await known.remember(TOKEN, async () => undefined);
    expect(known.find(TOKEN)).to.equal(undefined);
  });

  it('keeps a bounded number, and drops the one that it had longest', async () => {
    for (let n = 0; n <= 10_000; n += 1) {
      await known.remember(`token-${n}`, async () => ({ caller: CALLER, untilMs: Infinity }));
    }
    expect(known.find('token-0')).to.equal(undefined);
    expect(known.find('token-1')).not.to.equal(undefined);
    expect(known.find('token-10000')).not.to.equal(undefined);
  });

  it('stops watching when it is closed', () => {
    known.close();
    expect(onChange).to.equal(undefined);
  });
});
