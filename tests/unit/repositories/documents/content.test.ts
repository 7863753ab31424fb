import { expect } from 'chai';
import fc from 'fast-check';
import { Struct } from '../../../../gen/google/protobuf/struct.js';
import {
  FIELDS_BYTES_MAX,
  FIELDS_MESSAGE_BYTES_MAX,
  sizeProblem,
  structBytes,
} from '../../../../src/repositories/documents/content.js';
import type { JsonObject } from '../../../../src/store/json-value.js';
import { seed } from '../../../support/seed.js';

describe('structBytes()', () => {
  it('tells how many bytes the encoder makes of any content', () => {
    const content = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 6 }));
    fc.assert(
      fc.property(content, (fields) => {
        const encoded = Struct.encode(Struct.wrap(fields)).finish().length;
        // Some encoders leave empty keys out.
        if (hasEmptyKey(fields)) expect(structBytes(fields as JsonObject)).to.be.above(encoded);
        else expect(structBytes(fields as JsonObject)).to.equal(encoded);
      }),
      { seed: seed(), numRuns: 500 },
    );
  });
});

describe('sizeProblem()', () => {
  const problemOf = (fields: JsonObject) => sizeProblem(fields, JSON.stringify(fields));
  const numbers = (count: number) => ({ n: Array.from({ length: count }, () => 1) });

  it('takes what fits into a message of 4 MiB', () => {
    expect(problemOf(numbers(300_000))).to.equal(undefined);
    expect(problemOf({ text: 'x'.repeat(FIELDS_BYTES_MAX - 11) })).to.equal(undefined);
  });

  it('names the limit that content is over, and what it takes', () => {
    expect(problemOf({ text: 'x'.repeat(FIELDS_BYTES_MAX - 10) })).to.equal(
      `must be at most ${FIELDS_BYTES_MAX} bytes as JSON, is ${FIELDS_BYTES_MAX + 1}`,
    );
    const tooMany = numbers(500_000);
    expect(problemOf(tooMany)).to.equal(
      `must be at most ${FIELDS_MESSAGE_BYTES_MAX} bytes as a google.protobuf.Struct, is ${structBytes(tooMany)}`,
    );
  });
});

function hasEmptyKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, child]) => key === '' || hasEmptyKey(child));
}
