import { expect } from 'chai';
import fc from 'fast-check';
import Database from 'libsql';
import { PARENT } from '../../src/store/embedded/sql-fields.js';
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
