import { expect } from 'chai';
import { findViolations, type Operation } from '../../support/linearizability.js';
import { REGISTER, type RegisterInput } from '../../support/register.js';

describe('findViolations()', () => {
  const right: Record<string, readonly Operation<RegisterInput, string>[]> = {
    nothing: [],
    'one after another': [put(0, 1, 'a'), get(2, 3, 'a'), put(4, 5, 'b'), get(6, 7, 'b')],
    'a read beside a write that sees the old value': [put(0, 10, 'a'), get(1, 2, '')],
    'a read beside a write that sees the new value': [put(0, 10, 'a'), get(1, 2, 'a')],
    'writes beside each other in either order': [put(0, 10, 'a'), put(1, 9, 'b'), get(11, 12, 'a')],
    'an unknown write that never happened': [put(0, Infinity, 'a'), get(1, 2, ''), get(50, 51, '')],
    'an unknown write that happened late': [put(0, Infinity, 'a'), get(1, 2, ''), get(50, 51, 'a')],
    'swaps in a chain that is not the order of their starts': [
      swap(0, 10, 'a', 'b'),
      swap(1, 9, 'b', ''),
      get(11, 12, 'a'),
    ],
    'wrong only between keys': [put(0, 1, 'a'), { ...get(2, 3, ''), key: 'other' }],
  };
  const wrong: Record<string, readonly Operation<RegisterInput, string>[]> = {
    'a stale read': [put(0, 1, 'a'), put(2, 3, 'b'), get(4, 5, 'a')],
    'a lost write': [put(0, 1, 'a'), get(2, 3, '')],
    'a read from nowhere': [get(0, 1, 'x')],
    'two swaps of the same value': [swap(0, 10, 'a', ''), swap(1, 9, 'b', '')],
    'a value that comes back': [put(0, 1, 'a'), put(2, 10, 'b'), get(3, 4, 'b'), get(5, 6, 'a')],
    'an unknown write that comes and goes': [put(0, Infinity, 'a'), get(1, 2, 'a'), get(3, 4, '')],
    'reads that turn back beside one write': [put(0, 10, 'a'), get(1, 2, 'a'), get(3, 4, '')],
  };

  for (const [what, history] of Object.entries(right)) {
    it(`accepts ${what}`, () => expect(findViolations(history, REGISTER)).to.deep.equal([]));
  }
  for (const [what, history] of Object.entries(wrong)) {
    it(`rejects ${what}`, () => expect(findViolations(history, REGISTER)).to.deep.equal(['k']));
  }

  it('is done with a long history in time', () => {
    const history = Array.from({ length: 400 }, (_, n) => swap(n, n + 2.5, `${n + 1}`, n === 0 ? '' : `${n}`));
    expect(findViolations(history, REGISTER)).to.deep.equal([]);
  });
});

function put(start: number, end: number, value: string): Operation<RegisterInput, string> {
  return { key: 'k', start, end, input: { kind: 'put', value }, output: end < Infinity ? '' : undefined };
}

function get(start: number, end: number, output: string): Operation<RegisterInput, string> {
  return { key: 'k', start, end, input: { kind: 'get' }, output };
}

function swap(start: number, end: number, value: string, output: string): Operation<RegisterInput, string> {
  return { key: 'k', start, end, input: { kind: 'swap', value }, output };
}
