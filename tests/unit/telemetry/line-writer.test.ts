import { expect } from 'chai';
import fc from 'fast-check';
import { pino } from 'pino';
import { createLineWriter, quote } from '../../../src/telemetry/line-writer.js';
import { seed } from '../../support/seed.js';

describe('createLineWriter()', () => {
  function aLog(level = 'info') {
    const lines: string[] = [];
    const log = pino({ level, base: { instance: 'one' } }, { write: (line: string) => void lines.push(line) });
    return { log, lines };
  }

  it('writes what pino would', () => {
    const { log, lines } = aLog();
    const child = log.child({ part: 'a "quoted" one' });
    const property = fc.property(
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (text, number) => {
        lines.length = 0;
        child.info({ text, number }, 'call');
        createLineWriter(child)(`,"text":${quote(text)},"number":${number},"msg":"call"`);
        const [theirs = '', ours = ''] = lines.map((line) => line.replace(/"time":\d+/, '"time":0'));
        expect(Object.entries(JSON.parse(ours) as object)).to.deep.equal(Object.entries(JSON.parse(theirs) as object));
        expect(ours.endsWith('}\n')).to.equal(true);
      },
    );
    fc.assert(property, { seed: seed(), numRuns: 1000 });
  });

  it('writes nothing where the level lets nothing through, from when it is set', () => {
    const { log, lines } = aLog('warn');
    const write = createLineWriter(log);
    write(',"msg":"call"');
    expect(lines).to.deep.equal([]);
    log.level = 'debug';
    write(',"msg":"call"');
    expect(lines).to.have.length(1);
  });
});

describe('quote()', () => {
  it('keeps any text', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(JSON.parse(quote(text))).to.equal(text);
    });
    fc.assert(property, { seed: seed(), numRuns: 2000 });
  });

  for (const text of ['', ' ', '"', '\\', '\n', '\u0000', '\u007f', '\ud800', 'ü', '~']) {
    it(`keeps ${JSON.stringify(text)} on one line`, () => {
      expect(JSON.parse(quote(text))).to.equal(text);
      expect(quote(text)).not.to.match(/[\n\r]/);
    });
  }
});
