import { expect } from 'chai';
import fc from 'fast-check';
import Database from 'libsql';
import { PARENT } from '../../src/store/embedded/sql-fields.js';
import { idRangeSql } from '../../src/store/embedded/sql-range.js';
import { parentOf } from '../../src/store/query/field-value.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { seed } from '../support/seed.js';
import { describeQueries } from './query.js';
import { describeResources } from './query-resources.js';

// A query takes no round trip here, so that there can be more of them.
const FILTERS = 400;

describe('queries on the embedded engine', () => describeQueries(createEmbeddedEngine, FILTERS));

describe('resources on the embedded engine', () => describeResources(createEmbeddedEngine));

describe('the parent of an id in SQL', () => {
  it('is what the predicate takes for it, whatever the id', () => {
    const db = new Database(':memory:');
    const parentInSql = db.prepare(`SELECT ${PARENT} AS parent FROM (SELECT ? AS id)`);
    const part = fc.string({
      unit: fc.constantFrom('/', '"', '\\', 'a', '%', '\u0001', '\u2028', 'é', '😀'),
      minLength: 1,
    });
    const property = fc.property(part, (id) => {
      expect((parentInSql.get([id]) as { parent: string }).parent).to.equal(parentOf(id));
    });
    fc.assert(property, { seed: seed(), numRuns: 3_000, examples: [['/'], ['a'], ['a/'], ['a//b'], ['\\/"']] });
    db.close();
  });
});

describe('idRangeSql()', () => {
  const id = fc.string({ unit: fc.constantFrom('/', 'a', 'b', 'é', '\uffff', '😀'), minLength: 1, maxLength: 4 });
  const bytes = (text: string) => Buffer.from(text);

  it('gives the ids with a prefix that lie behind one and before another, by one bound on each side', () => {
    const db = new Database(':memory:');
    db.exec('CREATE TABLE t (id TEXT PRIMARY KEY)');
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    const property = fc.property(
      fc.uniqueArray(id, { minLength: 1, maxLength: 30 }),
      fc.option(id, { nil: '' }),
      fc.record({ after: id, before: id }, { requiredKeys: [] }),
      (ids, prefix, { after, before }) => {
        db.exec('DELETE FROM t');
        for (const one of ids) insert.run([one]);
        const bound: string[] = [];
        const conditions = idRangeSql({ prefix, after, before }, (one) => `?${bound.push(one)}`);
        expect(conditions.filter((condition) => condition.startsWith('id >'))).to.have.length(1);
        expect(conditions.filter((condition) => condition.startsWith('id <'))).to.have.length.at.most(1);
        const found = db.prepare(`SELECT id FROM t WHERE ${conditions.join(' AND ')}`).all(bound) as { id: string }[];
        const wanted = ids
          .filter((one) => one.startsWith(prefix))
          .filter((one) => after === undefined || bytes(one).compare(bytes(after)) > 0)
          .filter((one) => before === undefined || bytes(one).compare(bytes(before)) < 0);
        expect(found.map((row) => row.id)).to.have.members(wanted);
      },
    );
    fc.assert(property, { seed: seed(), numRuns: 500 });
    db.close();
  });
});
