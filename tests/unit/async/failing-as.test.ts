import { expect } from 'chai';
import { failingAs } from '../../../src/async/failing-as.js';
import { rejection } from '../../support/rejection.js';

const fail = () => {
  throw new RangeError('stuck');
};
const translate = (err: unknown) => new TypeError(`translated ${err instanceof Error ? err.message : String(err)}`);

describe('failingAs()', () => {
  it('gives what the source gives, and ends with it', async () => {
    async function* source(): AsyncGenerator<number> {
      yield 1;
      yield 2;
    }

    const seen: number[] = [];
    for await (const value of failingAs(source(), translate)) seen.push(value);

    expect(seen).to.deep.equal([1, 2]);
  });

  it('fails with another error behind what was given', async () => {
    async function* source(): AsyncGenerator<number> {
      yield 1;
      throw new RangeError('broken');
    }
    const seen: number[] = [];
    const read = async () => {
      for await (const value of failingAs(source(), translate)) seen.push(value);
    };

    expect(await rejection(read(), TypeError)).to.have.property('message', 'translated broken');
    expect(seen).to.deep.equal([1]);
  });

  it('stops the source with its reader, and translates what that fails with', async () => {
    let stopped = false;
    async function* source(isBroken: boolean): AsyncGenerator<number> {
      try {
        yield 1;
        yield 2;
      } finally {
        stopped = true;
        if (isBroken) fail();
      }
    }
    const readOne = async (isBroken: boolean) => {
      for await (const value of failingAs(source(isBroken), translate)) return value;
      return undefined;
    };

    expect(await readOne(false)).to.equal(1);
    expect(stopped).to.equal(true);
    expect(await rejection(readOne(true), TypeError)).to.have.property('message', 'translated stuck');
  });

  it('stops a source that cannot be told to', async () => {
    const source = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false as const, value: 1 }) }),
    };
    const readOne = async () => {
      for await (const value of failingAs(source, translate)) return value;
      return undefined;
    };

    expect(await readOne()).to.equal(1);
  });
});
