import { expect } from 'chai';
import fc from 'fast-check';
import { Code } from '../../../src/rpc/codes.js';
import { createScrub, scrubError } from '../../../src/rpc/scrub.js';
import { StatusError } from '../../../src/rpc/status.js';
import { seed } from '../../support/seed.js';

describe('createScrub()', () => {
  const rows: readonly (readonly [values: readonly string[], text: string, scrubbed: string])[] = [
    [['hunter2'], 'No "hunter2" here', 'No "[redacted]" here'],
    [['a"b\\c'], 'No "a\\"b\\\\c" here', 'No "[redacted]" here'],
    [['a b&c'], 'at /x/a%20b%26c/y', 'at /x/[redacted]/y'],
    [['42'], '42 of 1420', '[redacted] of 1420'],
    [['ada.lovelace@example.org'], 'ada.lovelace@ex...', '[redacted]...'],
    [['ada.lovelace@example.org'], 'to ada.lovelace@example.org now', 'to [redacted] now'],
    [['long value', 'long value, and more'], 'long value, and more', '[redacted]'],
    [['', ' '], 'nothing to hide', 'nothing to hide'],
    [[], 'nothing to hide', 'nothing to hide'],
    [['$&'], 'a $& b', 'a [redacted] b'],
  ];
  for (const [values, text, scrubbed] of rows) {
    it(`makes ${JSON.stringify(scrubbed)} of ${JSON.stringify(text)} without ${JSON.stringify(values)}`, () => {
      expect(createScrub(values)(text)).to.equal(scrubbed);
    });
  }

  it('finds each value of four characters or more in any text, and takes out nothing else', () => {
    const value = fc.string({
      unit: fc.constantFrom('a', 'b', 'c', '"', '\\', 'é', '😀'),
      minLength: 4,
      maxLength: 40,
    });
    const around = fc.string({ unit: fc.constantFrom('x', 'y', 'z', ' ', '%') });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), around, (values, between) => {
        const scrubbed = createScrub(values)(values.join(` ${between} `));
        expect(scrubbed).to.equal(values.map(() => '[redacted]').join(` ${between} `));
      }),
      { seed: seed() },
    );
  });

  it('leaves the answer of another process what it is, without the values', () => {
    const cause = new Error('told 12345');
    const told = new StatusError(Code.UNAUTHENTICATED, 'not 12345', [], { reason: 'X', retryDelayMs: 7, cause });

    const scrubbed = scrubError(told, createScrub(['12345'])) as StatusError;

    expect(scrubbed).to.be.instanceOf(StatusError);
    expect([scrubbed.code, scrubbed.message, scrubbed.reason, scrubbed.retryDelayMs]).to.deep.equal([
      Code.UNAUTHENTICATED,
      'not [redacted]',
      'X',
      7,
    ]);
    expect((scrubbed.cause as Error).message).to.equal('told [redacted]');
  });
});
