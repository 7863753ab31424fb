import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { defineResource } from '../../src/repositories/definition.js';
import { valueField } from '../../src/repositories/filter/schema.js';
import { createResources, declareResource, type Resources } from '../../src/repositories/resource.js';
import { startSweeper, SWEEP_GRACE_MS, type Sweeper } from '../../src/repositories/sweeper.js';
import type { JsonObject } from '../../src/store/json-value.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const NOON = Date.parse('2024-05-01T12:00:00Z');
const TICKET = defineResource<JsonObject>({
  type: 'keelson.dev/Ticket',
  singular: 'ticket',
  collection: 'tickets',
  pattern: 'tickets/{ticket}',
  codec: { encode: (content) => content, decode: ({ value }) => value },
  schema: new Map([valueField('expire_time', { kind: 'timestamp', stored: 'text' })]),
  expireTime: 'expire_time',
});

/** What a sweeper does, on any engine. */
export function describeSweeper(createEngine: CreateEngine): void {
  let engine: Engine;
  let ledger: Ledger;
  let tickets: Resources<JsonObject>;
  let time: number;
  const sweepers: Sweeper[] = [];

  beforeEach(async () => {
    time = NOON;
    engine = await createEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await declareResource(ledger, TICKET);
    tickets = createResources({ ledger, now: () => time }, TICKET);
  });

  afterEach(async () => {
    for (const sweeper of sweepers.splice(0)) await sweeper.close();
    await ledger.close();
    await engine.destroy();
  });

  function aSweeper(of: Pick<Ledger, 'scan' | 'transact'> = ledger): Sweeper {
    const intervalMs = 3_600_000;
    const sweeper = startSweeper({ ledger: of, resources: [TICKET], now: () => time, log: SILENT_LOGGER, intervalMs });
    sweepers.push(sweeper);
    return sweeper;
  }

  const create = (id: string, expireTime?: string) =>
    tickets.create({ parent: '', id, content: expireTime === undefined ? {} : { expire_time: expireTime } });
  const stored = async () => (await ledger.scan('tickets', { limit: 1_000 })).documents.map(({ id }) => id);

  it('deletes what has expired a while ago, and nothing else', async () => {
    await create('gone', '2024-05-01T12:00:01.000000000Z');
    await create('later', '2024-05-01T13:00:00.000000000Z');
    await create('never');
    const sweeper = aSweeper();

    time = NOON + 1_000 + SWEEP_GRACE_MS - 1;
    await sweeper.sweep();
    expect(await stored()).to.deep.equal(['tickets/gone', 'tickets/later', 'tickets/never']);

    time += 1;
    await sweeper.sweep();
    expect(await stored()).to.deep.equal(['tickets/later', 'tickets/never']);
    expect(sweeper.swept()).to.deep.equal({ tickets: 1 });
  });

  it('deletes by commits that watches see', async () => {
    await create('gone', '2024-05-01T12:00:01.000000000Z');
    const after = ledger.revision();
    time = NOON + 1_000 + SWEEP_GRACE_MS;

    await aSweeper().sweep();

    for await (const event of tickets.watch({ after })) {
      if (event.kind !== 'changes') continue;
      expect(event.changes).to.deep.equal([{ kind: 'removed', name: 'tickets/gone' }]);
      break;
    }
  });

  it('goes through as much as there is, in bounded pages', async () => {
    const names = Array.from({ length: 450 }, (_, n) => `t${String(n).padStart(3, '0')}`);
    await ledger.transact(() =>
      names.map((name, n) => ({
        kind: 'put',
        collection: 'tickets',
        id: `tickets/${name}`,
        value: n % 2 === 0 ? {} : { expire_time: '2024-05-01T12:00:01.000000000Z' },
      })),
    );
    time = NOON + 1_000 + SWEEP_GRACE_MS;
    const pages: number[] = [];
    const counted: Pick<Ledger, 'scan' | 'transact'> = {
      scan: async (collection, options) => {
        const page = await ledger.scan(collection, options);
        pages.push(page.documents.length);
        return page;
      },
      transact: ledger.transact,
    };

    await aSweeper(counted).sweep();

    expect((await stored()).length).to.equal(225);
    expect(pages).to.deep.equal([200, 200, 50]);
  });

  it('leaves alone what was renewed, or deleted by another, since it looked', async () => {
    await create('renewed', '2024-05-01T12:00:01.000000000Z');
    await create('deleted', '2024-05-01T12:00:01.000000000Z');
    time = NOON + 1_000 + SWEEP_GRACE_MS;
    const sweeper = aSweeper({
      scan: async (collection, options) => {
        const page = await ledger.scan(collection, options);
        await ledger.transact(() => [
          { kind: 'put', collection, id: 'tickets/renewed', value: {} },
          { kind: 'delete', collection, id: 'tickets/deleted' },
        ]);
        return page;
      },
      transact: ledger.transact,
    });

    await sweeper.sweep();

    expect(await stored()).to.deep.equal(['tickets/renewed']);
    expect(sweeper.swept()).to.deep.equal({ tickets: 0 });
  });

  it('is harmless when several do it at once: each resource is deleted once', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => create(`t${n}`, '2024-05-01T12:00:01.000000000Z')));
    time = NOON + 1_000 + SWEEP_GRACE_MS;
    const all = [aSweeper(), aSweeper(), aSweeper()];

    await Promise.all(all.map((sweeper) => sweeper.sweep()));

    expect(await stored()).to.deep.equal([]);
    expect(all.reduce((sum, sweeper) => sum + (sweeper.swept()['tickets'] ?? 0), 0)).to.equal(20);
  });

  it('looks at nothing any more once it was closed', async () => {
    await create('gone', '2024-05-01T12:00:01.000000000Z');
    time = NOON + 1_000 + SWEEP_GRACE_MS;
    const sweeper = aSweeper();
    await sweeper.close();

    await sweeper.sweep();

    expect(await stored()).to.deep.equal(['tickets/gone']);
  });
}
