import { expect } from 'chai';
import { once } from 'node:events';
import { createTally } from '../../../src/rpc/tally.js';

describe('createTally()', () => {
  it('says the first at once, and how many came since while they come', async () => {
    const said: number[] = [];
    const saidMore = new EventTarget();
    const count = createTally((more) => {
      said.push(more);
      saidMore.dispatchEvent(new Event('said'));
    }, 1);

    for (let i = 0; i < 5; i += 1) count();
    expect(said).to.deep.equal([1]);
    const heard = once(saidMore, 'said');
    // What is left to say keeps no process alive.
    const alive = setInterval(() => undefined, 1000);
    await heard;
    clearInterval(alive);

    expect(said).to.deep.equal([1, 4]);
  });
});
