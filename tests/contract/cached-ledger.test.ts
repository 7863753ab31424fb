import { expect } from 'chai';
import { InvalidLedgerInputError, UnknownCollectionError } from '../../src/ledger/errors.js';
import type { CachedLedger } from '../../src/repositories/cached-ledger.js';
import { type CachedLedgers, createCachedLedgers } from '../support/cached-ledgers.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { put } from '../support/put.js';
import { rejection } from '../support/rejection.js';

describe('createCachedLedger()', () => {
  let engine: Awaited<ReturnType<typeof createEmbeddedEngine>>;
  let ledgers: CachedLedgers;
  let ledger: CachedLedger;

  beforeEach(async () => {
    engine = await createEmbeddedEngine();
    ledgers = createCachedLedgers(engine, 'orders');
    ledger = await ledgers.open();
  });

  afterEach(async () => {
    await ledgers.close();
    await engine.destroy();
  });

  it('refuses a name that no document can have, and answers those that are read with it', async () => {
    await ledger.commit({ writes: [put('a', { text: 'x' })] });

    const right = ledger.get('orders', 'a');
    const malformed = ledger.get('orders', 'half a pair \ud800');
    const unknown = ledger.get('nowhere', 'a');

    await rejection(malformed, InvalidLedgerInputError);
    await rejection(unknown, UnknownCollectionError);
    expect((await right)?.value).to.deep.equal({ text: 'x' });
  });
});
