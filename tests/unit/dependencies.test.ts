import { expect } from 'chai';
import { watchDependencies } from '../../src/dependencies.js';

describe('watchDependencies()', () => {
  it('tells of each that is lost, once, and of each that is back', async () => {
    const seen: string[] = [];
    let isThere = true;
    let asked = 0;
    let told: () => void = () => undefined;
    const watch = watchDependencies({
      log: { info: () => undefined, warn: () => undefined },
      onChange(name, { working }) {
        seen.push(`${name} ${working ? 'is back' : 'is lost'}`);
        told();
      },
      askMs: 1,
    });
    const change = () => new Promise<void>((resolve) => (told = resolve));
    watch.add({
      name: 'database',
      withoutIt: 'nothing goes',
      async ask() {
        asked += 1;
        if (!isThere) throw new Error('gone');
        // One answer that fails is not a loss.
        if (asked === 2) throw new Error('hiccup');
      },
    });
    try {
      while (asked < 5) await new Promise((resolve) => setImmediate(resolve));
      expect(seen).to.deep.equal([]);
      const lost = change();
      isThere = false;
      await lost;
      expect(watch.lost()).to.deep.equal(['database: lost, nothing goes']);
      const back = change();
      isThere = true;
      await back;
      expect(seen).to.deep.equal(['database is lost', 'database is back']);
      expect(watch.lost()).to.deep.equal([]);
    } finally {
      watch.close();
    }
  });
});
