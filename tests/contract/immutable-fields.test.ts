import type { Message } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { ImmutableFieldError } from '../../src/repositories/errors.js';
import {
  openMessageResources,
  type CompleteMessage,
  type MessageResources,
} from '../../src/repositories/message-resource.js';
import { toServiceError } from '../../src/repositories/translate-errors.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import type { Engine } from '../support/engine.js';
import { codecOf, peopleRegistry } from '../support/people-contract.js';
import { rejection } from '../support/rejection.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

interface Passport extends Message {
  readonly number: string;
  readonly office?: { readonly city: string; readonly phone: string };
  readonly place: string;
  readonly seenBy: string;
}

const NAME = 'passports/p';
const MESSAGE = 'people.v1.Passport';
const KEPT = { number: '1', place: 'here', office: { city: 'A', phone: '5' }, seenBy: 'Eve' };

// A passport has two fields that are set once: `number`, and `city` of its office.
describe('A field that its contract calls IMMUTABLE', function () {
  // Contracts are compiled.
  this.timeout(60_000);
  let engine: Engine;
  let ledger: Ledger;
  let passports: MessageResources<Passport>;

  beforeEach(async () => {
    engine = await createEmbeddedEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    const registry = peopleRegistry();
    const descriptor = registry.getMessage(MESSAGE);
    if (descriptor === undefined) throw new Error(`There is no ${MESSAGE}`);
    const generated = codecOf(descriptor) as CompleteMessage<Passport>;
    const deps = { ledger, registry, now: () => Date.now() };
    passports = await openMessageResources(deps, generated, { messageType: MESSAGE, collection: 'passports' });
    await passports.create({ parent: '', id: 'p', content: aPassport(KEPT) });
  });

  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  const aPassport = (content: object) => passports.generated.fromPartial(content);
  const update = (mask: readonly string[] | undefined, content: object) =>
    passports.ofCallers.update({ name: NAME, etag: '', mask, content: aPassport(content) });

  async function expectRefused(change: Promise<unknown>, field: string): Promise<void> {
    const err = await rejection(change, ImmutableFieldError);
    expect(toServiceError(err)).to.include({ reason: 'INVALID_REQUEST' });
    expect(toServiceError(err)).to.have.nested.property('details.violations[0].field', field);
    expect(await passports.get(NAME)).to.deep.include({ number: '1', place: 'here' });
  }

  for (const mask of [undefined, ['*'], ['number'], ['place', 'number']]) {
    it(`is refused another value, by its name, at an update with the mask ${JSON.stringify(mask)}`, () =>
      expectRefused(update(mask, { ...KEPT, number: '2', place: 'there' }), 'travel_passport.number'));
  }

  for (const mask of [undefined, ['office'], ['office.city']]) {
    it(`is refused another value below a message with the mask ${JSON.stringify(mask)}`, () =>
      expectRefused(update(mask, { ...KEPT, office: { city: 'B' } }), 'travel_passport.office.city'));
  }

  it('cannot be taken away by a mask that names it, or the message that it is in', async () => {
    await expectRefused(update(['number'], {}), 'travel_passport.number');
    await expectRefused(update(['office'], {}), 'travel_passport.office.city');
  });

  it('may be said again as it is', async () => {
    await update(['number', 'office.city', 'place'], { ...KEPT, place: 'there' });

    expect(await update(undefined, { ...KEPT, place: 'elsewhere' })).to.include({ number: '1', place: 'elsewhere' });
  });

  it('stays as it is where an update of the whole leaves it out', async () => {
    const updated = await update(undefined, { office: { city: 'A' }, place: 'there' });

    expect(updated).to.deep.include({ number: '1', place: 'there', seenBy: 'Eve' });
    expect(updated.office?.phone).to.equal('');
  });

  it('is refused by change() as well, which may change the rest', async () => {
    await expectRefused(
      passports.change(NAME, (passport) => ({ ...passport, number: '2' })),
      'travel_passport.number',
    );

    expect(await passports.change(NAME, (passport) => ({ ...passport, place: 'there' }))).to.include({
      number: '1',
      place: 'there',
    });
  });

  it('counts as unset where a release that did not know it has stored none, and is then not set', async () => {
    const value = { place: 'here' };
    await ledger.commit({ writes: [{ kind: 'put', collection: 'passports', id: NAME, value }] });

    expect(await update(['place'], { place: 'there' })).to.include({ number: '', place: 'there' });
    await rejection(update(['number'], { number: '1' }), ImmutableFieldError);
  });
});
