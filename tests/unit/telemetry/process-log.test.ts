import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openProcessLog } from '../../../src/telemetry/process-log.js';

const LINES = 5_000;

describe('openProcessLog()', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keelson-log-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('has written every line, in order, once it is closed', async () => {
    const file = join(folder, 'log');
    const { log, close } = openProcessLog('info', file);
    const numbers = Array.from({ length: LINES }, (_, n) => n);
    for (const n of numbers) log.info({ n }, 'line');

    await close();

    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { n: number }).n)).to.deep.equal(numbers);
  });

  it('writes by itself, a moment later', async () => {
    const file = join(folder, 'log');
    const { log, close } = openProcessLog('info', file);
    log.info('one');
    log.info('two');

    const written = await until(async () => {
      const text = await readFile(file, 'utf8');
      return text.endsWith('\n') ? text : undefined;
    });

    expect(written.trimEnd().split('\n')).to.have.length(2);
    await close();
  });
});

/** Looks until there is something. Mocha ends what never comes. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
  }
}
