import { expect } from 'chai';
import { findUnexplained, type LoggedWrite, type ObservedRead } from '../../support/explain-reads.js';

describe('findUnexplained()', () => {
  const log: LoggedWrite[] = [write('a', 2), write('b', 5), write('', 7), write('c', 9)];
  const right: Record<string, ObservedRead> = {
    'the value of that revision': read('b', 5),
    'a newer value': read('c', 5),
    'a value that stayed until then': read('a', 4),
    'any value that there was': read('a', 0),
    'nothing before the first write': read('', 1),
    'nothing after a removal': read('', 8),
    'nothing under a key that was never written': { key: 'other', text: '', atLeast: 9 },
  };
  const wrong: Record<string, ObservedRead> = {
    'a value that nobody wrote': read('x', 0),
    'a value of another key': { key: 'other', text: 'a', atLeast: 0 },
    'a value that was replaced by then': read('a', 5),
    'nothing where something had come by then': read('', 9),
  };

  for (const [what, one] of Object.entries(right)) {
    it(`accepts ${what}`, () => expect(findUnexplained([one], log)).to.deep.equal([]));
  }
  for (const [what, one] of Object.entries(wrong)) {
    it(`finds ${what}`, () => expect(findUnexplained([one], log)).to.deep.equal([one]));
  }
});

function write(text: string, revision: number): LoggedWrite {
  return { key: 'k', text, revision };
}

function read(text: string, atLeast: number): ObservedRead {
  return { key: 'k', text, atLeast };
}
