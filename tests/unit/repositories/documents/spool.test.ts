import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'chai';
import { SnapshotError } from '../../../../src/repositories/documents/errors.js';
import { createSpool } from '../../../../src/repositories/documents/spool.js';
import { rejection } from '../../../support/rejection.js';

const files = () => readdirSync(tmpdir()).filter((name) => name.startsWith('keelson-spool-'));

describe('createSpool()', () => {
  for (const memoryMax of [0, 100, 1_000_000]) {
    it(`gives back what it took, in order, with ${memoryMax} bytes of memory`, async () => {
      const spool = createSpool({ memoryMax });
      const records = Array.from({ length: 500 }, (_, n) => ({ n, text: `line\nbreak\u2028 ${n}` }));
      for (const record of records) await spool.add(record);

      const seen = [];
      for await (const record of spool.read()) seen.push(record);

      expect(seen).to.deep.equal(records);
      await spool.close();
    });
  }

  it('refuses more than it may keep, and leaves no file', async () => {
    const before = files();
    const spool = createSpool({ memoryMax: 0, bytesMax: 1_000 });
    for (let n = 0; n < 10; n += 1) await spool.add('x'.repeat(90));

    expect(await rejection(spool.add('x'.repeat(90)), SnapshotError)).to.include({ failure: 'too-large' });
    await spool.close();
    expect(files().filter((name) => !before.includes(name))).to.deep.equal([]);
  });
});
