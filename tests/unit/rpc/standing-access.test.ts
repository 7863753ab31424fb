import { once } from 'node:events';
import { expect } from 'chai';
import { CallerWatch } from '../../../src/rpc/caller-watch.js';
import { ServiceError } from '../../../src/rpc/errors.js';
import { CallLifetime } from '../../../src/rpc/lifetime.js';
import { StandingAccess } from '../../../src/rpc/standing-access.js';

const EVERY_MS = 1;

describe('StandingAccess', () => {
  const open = () => new CallLifetime(new CallerWatch(), Infinity, () => undefined);

  it('ends a stream with what its caller is refused for', async () => {
    const lifetime = open();
    const refusal = new ServiceError('PERMISSION_DENIED', 'no more');
    let judged = 0;

    new StandingAccess(EVERY_MS).watch(lifetime, async () => {
      judged += 1;
      if (judged > 1) throw refusal;
    });
    await once(lifetime.signal, 'abort');

    expect(lifetime.signal.reason).to.equal(refusal);
    expect(judged).to.equal(2);
  });

  it('lets a stream go on while nobody can tell what its caller may do', async () => {
    const lifetime = open();

    await new Promise<void>((resolve) => {
      let judged = 0;
      new StandingAccess(EVERY_MS).watch(lifetime, async () => {
        judged += 1;
        if (judged > 2) resolve();
        throw new Error('away');
      });
    });

    expect(lifetime.signal.aborted).to.equal(false);
    lifetime.close();
  });

  it('judges no stream twice at once', async () => {
    const [slow, quick] = [open(), open()];
    const standing = new StandingAccess(EVERY_MS);
    let slowJudged = 0;

    standing.watch(slow, () => {
      slowJudged += 1;
      return new Promise(() => undefined);
    });
    await new Promise<void>((resolve) => {
      let judged = 0;
      standing.watch(quick, async () => {
        judged += 1;
        if (judged === 3) resolve();
      });
    });

    expect(slowJudged).to.equal(1);
    slow.close();
    quick.close();
  });
});
