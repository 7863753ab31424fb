import { expect } from 'chai';
import { readFor, readHeld } from '../../../src/repositories/read-context.js';
import { ConsistencyOfCall } from '../../../src/rpc/consistency.js';
import type { Freshness } from '../../../src/rpc/context.js';
import { CallMetadata } from '../../../src/rpc/metadata.js';
import { OPEN_POLICY } from '../../support/call-fixture.js';

const LEDGER = { revision: () => 7 };

/** Of a method that reads. */
function aCall(): ConsistencyOfCall {
  const call = new ConsistencyOfCall(
    { policy: OPEN_POLICY, descriptor: { methodKind: 'unary' } },
    new CallMetadata(),
    undefined,
  );
  call.admit();
  return call;
}

describe('readFor()', () => {
  it('catches up with the log once for all that one call reads', async () => {
    const consistency = aCall();
    const asked: (Freshness | undefined)[] = [];
    const read = async ({ freshness }: { freshness?: Freshness }) => void asked.push(freshness);

    for (let n = 0; n < 3; n += 1) await readFor(LEDGER, { consistency }, read);

    expect(asked).to.deep.equal(['latest', 7, 7]);
  });

  it('asks for no signal where nobody waits with it', async () => {
    let asked = 0;
    const context = {
      get signal() {
        asked += 1;
        return undefined;
      },
    };

    await readFor(LEDGER, context, async ({ freshness }) => freshness);
    expect(asked).to.equal(0);
    await readFor(LEDGER, context, async ({ signal }) => signal);
    expect(asked).to.equal(1);
  });

  it('does not take a read that failed for a look at the log', async () => {
    const consistency = aCall();

    await readFor(LEDGER, { consistency }, () => Promise.reject(new Error('away'))).catch(() => undefined);

    expect(consistency.freshness).to.equal('latest');
  });
});

describe('readHeld()', () => {
  const held = { value: undefined };
  const aLedger = (freshnessReached: readonly Freshness[]) => ({
    revision: () => 7,
    hasReached: (freshness: Freshness) => freshnessReached.includes(freshness),
    getHeld: (_collection: string, id: string, freshness: Freshness = 'latest') =>
      id === 'held' && freshnessReached.includes(freshness) ? held : undefined,
  });

  it('gives what is held, and tells the call what it saw', () => {
    const consistency = aCall();
    expect(readHeld(aLedger(['latest']), { collection: 'c', id: 'held' }, { consistency })).to.equal(held);
    expect(consistency.freshness).to.equal(7);
  });

  it('gives nothing where a look at the log is asked for, and leaves that to be done', () => {
    const consistency = aCall();
    expect(readHeld(aLedger(['any']), { collection: 'c', id: 'held' }, { consistency })).to.equal(undefined);
    expect(consistency.freshness).to.equal('latest');
  });

  it('gives nothing of what is not held, nor from a ledger that holds nothing', () => {
    const consistency = aCall();
    const { getHeld: _, ...bare } = aLedger(['latest']);
    expect(readHeld(aLedger(['latest']), { collection: 'c', id: 'other' }, { consistency })).to.equal(undefined);
    expect(readHeld(bare, { collection: 'c', id: 'held' }, { consistency })).to.equal(undefined);
    expect(consistency.freshness).to.equal('latest');
  });
});
