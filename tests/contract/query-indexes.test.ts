import { join } from 'node:path';
import { expect } from 'chai';
import Database from 'libsql';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { defineResource } from '../../src/repositories/definition.js';
import { compileFilter } from '../../src/repositories/filter/resolve.js';
import { valueField } from '../../src/repositories/filter/schema.js';
import { parseOrderBy } from '../../src/repositories/order-by.js';
import { declareResource } from '../../src/repositories/resource.js';
import { indexName } from '../../src/store/embedded/indexes.js';
import { walkStatement } from '../../src/store/embedded/sql-walk.js';
import type { Place } from '../../src/store/query/order.js';
import { choosePlan } from '../../src/store/query/plan.js';
import { segmentsBehind } from '../../src/store/query/segments.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const DOCUMENTS = 100_000;
const PER_COMMIT = 500;
const COMMITS_AT_ONCE = 20;
const LIMIT = 100;

const TASKS = defineResource({
  type: 'keelson.dev/Task',
  singular: 'task',
  collection: 'tasks',
  pattern: 'projects/{project}/tasks/{task}',
  codec: { encode: () => ({}), decode: ({ id }) => id },
  schema: new Map([
    ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
    ['create_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'createTime' } }],
    valueField('state', { kind: 'enum', values: ['NEW', 'DONE'] }),
    valueField('rank', { kind: 'number' }),
    valueField('note', { kind: 'string' }),
  ]),
  indexes: ['rank', 'state', 'state, rank desc', 'create_time'],
});

describe('queries of 100000 documents on the embedded engine', () => {
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
  let ledger: Ledger;

  before(async function () {
    this.timeout(120_000);
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await declareResource(ledger, TASKS);
    await fill(ledger);
  });
  after(async () => {
    await ledger.close();
    await engine.destroy();
  });

  const read = (asked: Asked, after?: Place) =>
    ledger.query('tasks', { ...compile(asked), after, limit: LIMIT, examineMax: 1_000 });

  const cases: readonly Asked[] = [
    {},
    { orderBy: 'name desc' },
    { orderBy: 'rank' },
    { orderBy: 'rank desc' },
    { filter: 'state = DONE' },
    { filter: 'state = DONE', orderBy: 'rank desc' },
    { orderBy: 'create_time desc' },
  ];
  for (const asked of cases) {
    it(`look at as many at the end as at the start: ${JSON.stringify(asked)}`, async () => {
      const first = await read(asked);
      const last = await read(asked, placeNearEnd(await read(reversed(asked)), asked));
      expect(first.found).to.have.length(LIMIT);
      expect(first.examined).to.equal(LIMIT);
      expect(last.examined).to.be.within(LIMIT / 2 - 1, LIMIT);
    });

    it(`walk along an index and sort nothing: ${JSON.stringify(asked)}`, async () => {
      const near = (await read(asked)).next;
      for (const line of explain(engine.dataDir, asked, near)) {
        expect(line).to.match(/^(SEARCH tasks USING|SCAN d$|CO-ROUTINE d$|SCAN 1 CONSTANT ROW$)/);
        expect(line).not.to.include('TEMP B-TREE');
      }
    });
  }

  it('give a short page with a place to go on at where few of many meet a filter', async () => {
    const { found, next, examined } = await read({ filter: 'note = "needle"' });
    expect({ found: found.length, examined, more: next !== undefined }).to.deep.equal({
      found: 0,
      examined: 1_000,
      more: true,
    });
  });

  it('refuse an order that no index has', async () => {
    expect(await rejection(read({ orderBy: 'note' }))).to.include({ reason: 'ORDER_NEEDS_INDEX' });
  });
});

interface Asked {
  readonly filter?: string;
  readonly orderBy?: string;
}

function compile({ filter = '', orderBy = '' }: Asked) {
  const { schema } = TASKS;
  return {
    parent: 'projects/p/tasks/',
    condition: compileFilter(filter, schema),
    orderBy: parseOrderBy(orderBy, schema),
  };
}

function reversed({ filter = '', orderBy = 'name' }: Asked): Asked {
  return { filter, orderBy: orderBy.endsWith(' desc') ? orderBy.slice(0, -' desc'.length) : `${orderBy} desc` };
}

/** The place of the document in the middle of the last page, which is the first one of the reversed order. */
function placeNearEnd({ found }: Awaited<ReturnType<Ledger['query']>>, { orderBy = '' }: Asked): Place {
  const middle = found[LIMIT / 2];
  if (middle === undefined) throw new RangeError('There are too few documents');
  return orderBy === '' || orderBy.startsWith('name') ? { id: middle.document.id, keys: [] } : middle.place;
}

/** The query plan of the whole walk behind a place, line by line. */
function explain(dataDir: string, asked: Asked, after: Place | undefined): string[] {
  const request = { ...compile(asked), collection: 'tasks' };
  const plan = choosePlan(request, TASKS.indexes);
  if (plan.kind === 'sort') return ['sort'];
  const name = plan.index && indexName('tasks', plan.index);
  const db = new Database(join(dataDir, 'keelson.db'), { readonly: true });
  try {
    const order = asked.orderBy?.startsWith('name') ? [] : request.orderBy;
    return segmentsBehind(after, order).flatMap((segment) => {
      const { sql, parameters } = walkStatement(request, { plan, indexName: name }, { segment, limit: LIMIT });
      const lines = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all([...parameters]) as { detail: string }[];
      return lines.map(({ detail }) => detail);
    });
  } finally {
    db.close();
  }
}

async function fill(ledger: Ledger): Promise<void> {
  const commits = Array.from({ length: DOCUMENTS / PER_COMMIT }, (_, commit) =>
    Array.from({ length: PER_COMMIT }, (__, index) => taskAt(commit * PER_COMMIT + index)),
  );
  for (let start = 0; start < commits.length; start += COMMITS_AT_ONCE) {
    const some = commits.slice(start, start + COMMITS_AT_ONCE);
    await Promise.all(some.map((writes) => ledger.commit({ writes })));
  }
}

function taskAt(index: number) {
  const id = `projects/p/tasks/${String(index).padStart(6, '0')}`;
  // Ranks repeat and are spread, so that order by rank is not that of ids.
  const value = { state: index % 3 === 0 ? 'DONE' : 'NEW', rank: (index * 7_919) % 5_003, note: `n${index}` };
  return { kind: 'put', collection: 'tasks', id, value } as const;
}
