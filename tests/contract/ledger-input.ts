import { expect } from 'chai';
import type { FollowEvent } from '../../src/ledger/follow.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { COMMIT_DOCUMENTS_MAX, ID_BYTES_MAX, VALUE_BYTES_MAX, VALUE_DEPTH_MAX } from '../../src/ledger/limits.js';
import type { JsonObject } from '../../src/store/json-value.js';
import type { Store } from '../../src/store/store.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { put } from '../support/put.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

/** What the ledger keeps as it was, and what it refuses, on any engine. */
export function describeLedgerInput(createEngine: CreateEngine): void {
  let engine: Engine;
  let store: Store;
  let ledger: Ledger;

  const openLedger = async () => {
    store = await engine.open();
    await store.declareCollections(['orders']);
    return createLedger({ store, logger: SILENT_LOGGER });
  };
  const reopen = async () => {
    await ledger.close();
    await store.close();
    ledger = await openLedger();
  };

  beforeEach(async () => {
    engine = await createEngine();
    ledger = await openLedger();
  });
  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  describe('values', () => {
    const faithful: Record<string, string> = {
      'keys that mean something elsewhere':
        '{"__proto__":{"a":1},"$where":1,"a.b":{"$ref":"x","$id":1},"constructor":2,"toJSON":3}',
      'keys of the driver': '{"_bsontype":"ObjectId","x":{"_bsontype":"Long"},"_id":"mine","%24":1,"":2}',
      'a NUL in a key and in a text': '{"a\\u0000b":"c\\u0000d"}',
      'numbers at the edge':
        '{"a":9007199254740991,"b":-9007199254740991,"c":5e-324,"d":1.7976931348623157e308,"e":2147483648,"f":0.1}',
      'null, booleans and nesting': '{"a":null,"b":[true,false,[],{}],"c":{"d":{"e":[{"f":null}]}}}',
      'texts beyond the basic plane': '{"\u{1F600}":"\u{1F600}\u2028"}',
    };
    for (const [what, text] of Object.entries(faithful)) {
      it(`come back as they were: ${what}`, async () => {
        await ledger.commit({ writes: [put('o-1', JSON.parse(text) as JsonObject)] });
        await reopen();
        const stored = (await ledger.get('orders', 'o-1'))?.value;
        expect(JSON.stringify(stored)).to.equal(JSON.stringify(JSON.parse(text)));
      });
    }
  });

  describe('bad input', () => {
    const deep = (levels: number): JsonObject => (levels === 1 ? {} : { a: deep(levels - 1) });
    const cases: Record<string, readonly [string, () => Promise<unknown>]> = {
      'an unknown collection': [
        'UNKNOWN_COLLECTION',
        () => ledger.commit({ writes: [{ ...put('a', {}), collection: 'nope' }] }),
      ],
      'a collection of the ledger itself': ['UNKNOWN_COLLECTION', () => ledger.get('keelson_requests', 'a')],
      'an empty id': ['INVALID_INPUT', () => ledger.commit({ writes: [put('', {})] })],
      'a NUL in an id': ['INVALID_INPUT', () => ledger.get('orders', 'a\0b')],
      'half a surrogate pair': ['INVALID_INPUT', () => ledger.commit({ writes: [put('a', { text: '\ud800' })] })],
      'a number that is not finite': ['INVALID_INPUT', () => ledger.commit({ writes: [put('a', { n: Number.NaN })] })],
      'one document twice': ['INVALID_INPUT', () => ledger.commit({ writes: [put('a', {}), put('a', {})] })],
      'an id that is too long': ['COMMIT_TOO_LARGE', () => ledger.get('orders', 'x'.repeat(ID_BYTES_MAX + 1))],
      'a value that is too large': [
        'COMMIT_TOO_LARGE',
        () => ledger.commit({ writes: [put('a', { text: 'x'.repeat(VALUE_BYTES_MAX) })] }),
      ],
      'a value that is too deep': [
        'COMMIT_TOO_LARGE',
        () => ledger.commit({ writes: [put('a', deep(VALUE_DEPTH_MAX + 1))] }),
      ],
      'too many writes': [
        'COMMIT_TOO_LARGE',
        () => ledger.commit({ writes: Array.from({ length: COMMIT_DOCUMENTS_MAX + 1 }, (_, n) => put(`o-${n}`, {})) }),
      ],
      'half a surrogate pair in a request': [
        'INVALID_INPUT',
        () => ledger.commit({ writes: [], request: { caller: 'a', id: '\udc00', fingerprint: 'f' } }),
      ],
      'a page without end': ['INVALID_INPUT', () => ledger.scan('orders', { limit: -1 })],
      'a page that is too long': ['COMMIT_TOO_LARGE', () => ledger.scan('orders', { limit: 1_000_000 })],
      'a revision that is no number': ['INVALID_INPUT', () => ledger.waitFor(Number.NaN)],
      'values that are too large together': [
        'COMMIT_TOO_LARGE',
        () => ledger.commit({ writes: [1, 2, 3, 4, 5].map((n) => put(`o-${n}`, { text: 'x'.repeat(900_000) })) }),
      ],
      'a follower from the future': ['FUTURE_REVISION', () => next(ledger.follow({ after: 1 }))],
    };
    for (const [what, [reason, attempt]] of Object.entries(cases)) {
      it(`is refused with ${reason}: ${what}`, async () => {
        expect(await rejection(attempt())).to.include({ reason });
        expect(ledger.revision()).to.equal(0);
      });
    }

    it('is not what the limits still allow', async () => {
      const wide = Array.from({ length: VALUE_BYTES_MAX / 2 - 300 }, () => 1);
      await ledger.commit({ writes: [put('x'.repeat(ID_BYTES_MAX), { ...deep(VALUE_DEPTH_MAX), wide })] });
      expect(ledger.revision()).to.equal(1);
    });
  });
}

async function next(events: AsyncIterable<FollowEvent>): Promise<unknown> {
  return events[Symbol.asyncIterator]().next();
}
