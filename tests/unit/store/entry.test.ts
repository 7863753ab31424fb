import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { decodeCommits, encodeCommit, genesisHash, hashOfEntry, sealEntry } from '../../../src/store/entry.js';

const SEALED = sealEntry({
  time: 1_900_000_000_000,
  batchId: '00ff',
  previousHash: genesisHash('00000000-0000-0000-0000-000000000000'),
  commits: [
    { revision: 7, time: 1_900_000_000_000, writes: [{ kind: 'delete', collection: 'orders', id: 'o-1' }] },
    { revision: 8, time: 1_900_000_000_000, request: { caller: 'a', id: 'r', fingerprint: 'f' }, writes: [] },
  ],
});

describe('sealEntry()', () => {
  it('chains by the form that docs/ledger.md gives', () => {
    const { previousHash, body, hash } = SEALED;
    const text = `keelson-entry-1\n${previousHash}\n7\n8\n1900000000000\n00ff\n${body}`;
    expect(hash).to.equal(createHash('sha256').update(text).digest('hex'));
    expect(body).to.equal(
      '{"commits":[{"revision":7,"writes":[{"kind":"delete","collection":"orders","id":"o-1"}]},' +
        '{"revision":8,"request":{"caller":"a","id":"r","fingerprint":"f"},"writes":[]}]}',
    );
  });

  it('never changes what it made yesterday', () => {
    expect(genesisHash('00000000-0000-0000-0000-000000000000')).to.equal(
      createHash('sha256').update('keelson-genesis-1\n00000000-0000-0000-0000-000000000000\n').digest('hex'),
    );
  });

  it('covers every field', () => {
    const changes = [{ first: 6 }, { last: 9 }, { time: 1 }, { batchId: 'x' }, { previousHash: 'x' }, { body: '{}' }];
    const hashes = changes.map((change) => hashOfEntry({ ...SEALED, ...change }));
    expect(new Set([...hashes, SEALED.hash]).size).to.equal(changes.length + 1);
  });

  it('refuses to make an entry of nothing', () => {
    expect(() => sealEntry({ time: 1, batchId: 'b', previousHash: 'h', commits: [] })).to.throw(RangeError);
  });
});

describe('encodeCommit()', () => {
  it('writes the same with values that were encoded before', () => {
    const value = { '': 'a "text" \u0000', nested: { list: [1e21, null, true], ['__proto__']: {} } };
    const put = { kind: 'put', collection: 'orders', id: 'o"1', value, createRevision: 3, createTime: 5 } as const;
    const gone = { kind: 'delete', collection: 'orders', id: 'o-2' } as const;
    const commit = { revision: 7, writes: [put, gone, put] };
    const encoded = encodeCommit(commit, [JSON.stringify(value), undefined, undefined]);
    expect(encoded).to.equal(JSON.stringify(commit)).and.to.equal(encodeCommit(commit));
  });
});

describe('decodeCommits()', () => {
  it('gives each commit the time of its entry', () => {
    expect(decodeCommits(SEALED).map(({ revision, time }) => [revision, time])).to.deep.equal([
      [7, 1_900_000_000_000],
      [8, 1_900_000_000_000],
    ]);
  });

  it('refuses what is no body', () => {
    expect(() => decodeCommits({ ...SEALED, body: '[]' })).to.throw(SyntaxError);
  });
});
