import { expect } from 'chai';
import { readFor } from '../../../src/repositories/read-context.js';
import { ConsistencyOfCall } from '../../../src/rpc/consistency.js';
import type { Freshness } from '../../../src/rpc/context.js';
import { CallMetadata } from '../../../src/rpc/metadata.js';
import { OPEN_POLICY } from '../../support/call-fixture.js';

const LEDGER = { revision: () => 7 };

describe('readFor()', () => {
  function aCall(): ConsistencyOfCall {
    const call = new ConsistencyOfCall(
      { policy: OPEN_POLICY, descriptor: { methodKind: 'unary' } },
      new CallMetadata(),
      undefined,
    );
    call.admit();
    return call;
  }

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
