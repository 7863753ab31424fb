import { expect } from 'chai';
import type { IndexDeclaration } from '../../../../src/store/query/query.js';
import { ReadyIndexes } from '../../../../src/store/query/ready-indexes.js';
import { deferred } from '../../../support/deferred.js';
import { rejection } from '../../../support/rejection.js';

const BY_TIME: IndexDeclaration = { fields: [{ field: { kind: 'createTime' }, descending: false }] };
const BY_REVISION: IndexDeclaration = { fields: [{ field: { kind: 'revision' }, descending: false }] };
const LONG_MS = 60_000;

describe('ReadyIndexes', () => {
  it('waits for indexes that are built soon', async () => {
    const indexes = new ReadyIndexes({ waitMs: LONG_MS });

    await indexes.declare('c', [BY_TIME, BY_REVISION], async () => undefined);

    expect(indexes.of('c')).to.deep.equal([BY_TIME, BY_REVISION]);
    expect(indexes.of('other')).to.deep.equal([]);
  });

  it('goes on without those that take long, and has each from when it is ready', async () => {
    const indexes = new ReadyIndexes({ waitMs: 0 });
    const gates = new Map([BY_TIME, BY_REVISION].map((index) => [index, deferred<void>()]));
    const finished = deferred<void>();
    const build = async (index: IndexDeclaration) => {
      await gates.get(index)?.promise;
      if (index === BY_REVISION) setImmediate(() => finished.resolve(undefined));
    };

    await indexes.declare('c', [BY_TIME, BY_REVISION], build);
    expect(indexes.of('c')).to.deep.equal([]);

    gates.get(BY_TIME)?.resolve(undefined);
    await new Promise(setImmediate);
    expect(indexes.of('c')).to.deep.equal([BY_TIME]);

    gates.get(BY_REVISION)?.resolve(undefined);
    await finished.promise;
    expect(indexes.of('c')).to.deep.equal([BY_TIME, BY_REVISION]);
  });

  it('rejects where a build fails soon, and leaves its index unused where it fails late', async () => {
    const broken = new Error('no space left');
    const soon = new ReadyIndexes({ waitMs: LONG_MS });
    expect(await rejection(soon.declare('c', [BY_TIME], async () => Promise.reject(broken)))).to.equal(broken);

    const late = new ReadyIndexes({ waitMs: 0 });
    const gate = deferred<void>();
    await late.declare('c', [BY_TIME], async () => {
      await gate.promise;
      throw broken;
    });
    gate.resolve(undefined);
    await new Promise(setImmediate);
    expect(late.of('c')).to.deep.equal([]);
  });
});
