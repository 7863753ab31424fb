import { expect } from 'chai';
import { judgeSpace } from '../../../src/doctor/check-data-directory.js';

describe('judgeSpace()', () => {
  it('warns where a busy server would soon fill the disk', () => {
    expect(judgeSpace(1024 ** 3)).to.include({ level: 'ok' });
    expect(judgeSpace(1024 ** 3 - 1)).to.include({ level: 'warning' });
    expect(judgeSpace(0).todo).to.match(/^Make room/);
  });
});
