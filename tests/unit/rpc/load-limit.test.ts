import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { LoadLimit } from '../../../src/rpc/load-limit.js';
import type { Method } from '../../../src/rpc/method-table.js';
import { spend } from '../../support/spend.js';

const METHOD = { path: '/a.A/B' } as Method;
const OTHER = { path: '/a.A/C' } as Method;

describe('LoadLimit', () => {
  const create = (callsMax = 1000) => new LoadLimit({ latenessMsMax: 20, callsMax });
  const beginMany = (limit: LoadLimit, count: number, method = METHOD) =>
    Array.from({ length: count }, () => limit.begin(method));

  /** Counts how many more calls may run, by beginning them. */
  async function roomOf(limit: LoadLimit, method = METHOD): Promise<number> {
    const ends: ReturnType<LoadLimit['begin']>[] = [];
    while (limit.hasRoomFor(method)) {
      ends.push(limit.begin(method));
      await setImmediate();
    }
    for (const end of ends) end({ isTelling: false });
    return ends.length;
  }

  it('lets all run while the process is in time', async () => {
    const limit = create();
    beginMany(limit, 900);
    for (let i = 0; i < 10; i += 1) limit.observe(20);

    expect(await roomOf(limit)).to.equal(100);
  });

  it('takes less than what runs when it is late, and less again while it stays so', async () => {
    const limit = create();
    const ends = beginMany(limit, 500);

    limit.observe(50);
    for (const end of ends) end({ isTelling: false });
    expect(await roomOf(limit)).to.equal(350);
    beginMany(limit, 350);
    limit.observe(50);
    expect(await roomOf(limit)).to.equal(0);
  });

  it('never takes so little that nothing gets done', async () => {
    const limit = create();
    for (let i = 0; i < 100; i += 1) limit.observe(5000);

    expect(await roomOf(limit)).to.equal(32);
  });

  it('takes all again within seconds', async () => {
    const limit = create();
    for (let i = 0; i < 100; i += 1) limit.observe(5000);
    for (let i = 0; i < 40; i += 1) limit.observe(0);

    expect(await roomOf(limit)).to.equal(1000);
  });

  it('never takes more than it may', async () => {
    const limit = create(5);
    limit.observe(5000);

    expect(await roomOf(limit)).to.equal(5);
  });

  context('when calls take longer than they do while few run', () => {
    async function slowDown(limit: LoadLimit): Promise<void> {
      limit.begin(METHOD)({ isTelling: true });
      const ends = beginMany(limit, 200);
      spend(25);
      for (const end of ends) end({ isTelling: true });
      beginMany(limit, 200);
      limit.observe(0);
    }

    it('takes fewer of that method, and as many of others', async () => {
      const limit = create();
      await slowDown(limit);

      expect(limit.hasRoomFor(METHOD)).to.equal(false);
      expect(await roomOf(limit, OTHER)).to.equal(800);
    });

    it('judges the lower limit by calls that have begun under it', async () => {
      const limit = create();
      const old = beginMany(limit, 100);
      await slowDown(limit);
      for (const end of old) end({ isTelling: true });
      limit.observe(0);
      limit.observe(0);

      // 70 % of the 300 that ran, once: what those from before took is not held against it again.
      expect(limit.hasRoomFor(METHOD)).to.equal(true);
    });
  });

  it('takes for what calls take what they take while few run, however long that is', async () => {
    const limit = create();
    limit.begin(METHOD)({ isTelling: true });
    for (let i = 0; i < 30; i += 1) {
      const end = limit.begin(METHOD);
      spend(25);
      end({ isTelling: true });
    }
    for (let i = 0; i < 40; i += 1) limit.observe(0);
    const ends = beginMany(limit, 200);
    spend(25);
    for (const end of ends) end({ isTelling: true });
    limit.observe(0);

    expect(await roomOf(limit)).to.equal(1000);
  });

  it('takes no more in one turn of the event loop than is done in time, but always some', async () => {
    const limit = create();
    let taken = 0;
    // A transport may ask more than once about a call.
    while (limit.hasRoomFor(METHOD) && limit.hasRoomFor(METHOD)) {
      const end = limit.begin(METHOD);
      spend(1);
      end({ isTelling: true });
      taken += 1;
    }

    expect(taken).to.be.within(32, 40);
    await setImmediate();
    expect(limit.hasRoomFor(METHOD)).to.equal(true);
  });
});
