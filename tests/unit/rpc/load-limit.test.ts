import { expect } from 'chai';
import { createLoadLimit } from '../../../src/rpc/load-limit.js';

describe('createLoadLimit()', () => {
  const create = () => createLoadLimit({ latenessMsMax: 100, callsMax: 1000 });

  it('lets all run while the process is in time', () => {
    const limit = create();
    for (let i = 0; i < 10; i += 1) limit.observe(99, 900);

    expect(limit.callsMax).to.equal(1000);
  });

  it('takes less than what runs when it is late, and less again while it stays so', () => {
    const limit = create();

    limit.observe(150, 500);
    expect(limit.callsMax).to.equal(350);
    limit.observe(150, 350);
    expect(limit.callsMax).to.equal(244);
  });

  it('never takes so little that nothing gets done', () => {
    const limit = create();
    for (let i = 0; i < 100; i += 1) limit.observe(5000, 3);

    expect(limit.callsMax).to.equal(32);
  });

  it('takes all again within seconds', () => {
    const limit = create();
    for (let i = 0; i < 100; i += 1) limit.observe(5000, 3);
    for (let i = 0; i < 40; i += 1) limit.observe(0, 0);

    expect(limit.callsMax).to.equal(1000);
  });

  it('never takes more than it may', () => {
    const limit = createLoadLimit({ latenessMsMax: 100, callsMax: 5 });
    limit.observe(500, 5);

    expect(limit.callsMax).to.equal(5);
  });
});
