import type { JsonValue } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { parseSelection, selectParts, SelectionError } from '../../../../src/gateway/message/field-selection.js';
import { fixtureRegistry } from '../fixture.js';

const THING: JsonValue = {
  name: 'things/a',
  displayName: 'A',
  place: { cityName: 'Ulm', height: 478 },
  labels: { a: 'one', 'b.c': 'two' },
  fields: { deep: { x: 1, y: 2 }, flat: true },
};

function message(name: string) {
  const found = fixtureRegistry().getMessage(`fixtures.v1.${name}`);
  if (found === undefined) throw new Error(`The fixtures have no message ${name}`);
  return found;
}

describe('parseSelection()', () => {
  const selected: readonly (readonly [text: string, json: JsonValue])[] = [
    ['name', { name: 'things/a' }],
    ['name,display_name', { name: 'things/a', displayName: 'A' }],
    ['place.cityName', { place: { cityName: 'Ulm' } }],
    ['place/city_name', { place: { cityName: 'Ulm' } }],
    ['place(cityName,height),name', { name: 'things/a', place: { cityName: 'Ulm', height: 478 } }],
    ['place.height,place.cityName', { place: { cityName: 'Ulm', height: 478 } }],
    ['place,place.height', { place: { cityName: 'Ulm', height: 478 } }],
    ['place(*)', { place: { cityName: 'Ulm', height: 478 } }],
    ['labels.a', { labels: { a: 'one' } }],
    ['labels.`b.c`', { labels: { 'b.c': 'two' } }],
    ['fields(deep(x))', { fields: { deep: { x: 1 } } }],
    ['revision', {}],
    ['*', THING],
  ];
  for (const [text, json] of selected) {
    it(`selects "${text}"`, () => {
      expect(selectParts(THING, parseSelection(text, message('Thing')))).to.deep.equal(json);
    });
  }

  it('selects from a list item by item', () => {
    const answer = { things: [THING, { name: 'things/b' }], names: ['a', 'b'] };
    expect(selectParts(answer, parseSelection('things(name),names', message('ListThingsResponse')))).to.deep.equal({
      things: [{ name: 'things/a' }, { name: 'things/b' }],
      names: ['a', 'b'],
    });
  });

  const refused: readonly (readonly [text: string, why: RegExp])[] = [
    ['nope', /names "nope", which is not a field of fixtures\.v1\.Thing/],
    ['place.nope', /names "nope", which is not a field of fixtures\.v1\.Place/],
    ['name.first', /names "first" in a value that has no parts/],
    ['createTime.seconds', /has no parts/],
    ['name,', /has an empty name/],
    ['place(', /has an empty name/],
    ['place(height', /has a "\(" without a "\)"/],
    ['name)', /has a "\)" that nothing opens/],
    ['a'.repeat(2).split('').join('('), /names "a"/],
    [`fields${'.x'.repeat(40)}`, /nested deeper than 32/],
  ];
  for (const [text, why] of refused) {
    it(`refuses "${text.slice(0, 30)}"`, () => {
      expect(() => parseSelection(text, message('Thing'))).to.throw(SelectionError, why);
    });
  }
});
