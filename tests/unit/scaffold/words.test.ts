import { expect } from 'chai';
import { ScaffoldError, wordsOf, type ServiceRequest } from '../../../src/scaffold/words.js';

describe('wordsOf()', () => {
  it('makes all forms of a name', () => {
    expect(wordsOf({ name: 'price_lists' })).to.include({
      area: 'pricelists',
      one: 'price_list',
      One: 'PriceList',
      oneCamel: 'priceList',
      'one-kebab': 'price-list',
      'one words': 'price list',
      manyCamel: 'priceLists',
      pattern: 'priceLists/{price_list}',
      collectionPath: '/v1/priceLists',
    });
  });

  for (const [name, one] of [
    ['parcels', 'parcel'],
    ['policies', 'policy'],
    ['batches', 'batch'],
    ['addresses', 'address'],
    ['houses', 'house'],
  ] as const) {
    it(`calls one of "${name}" "${one}"`, () => {
      expect(wordsOf({ name })).to.include({ one });
    });
  }

  it('puts a resource below another', () => {
    expect(wordsOf({ name: 'labels', area: 'parcels', parent: 'depots/{depot}/parcels/{parcel}' })).to.include({
      area: 'parcels',
      pattern: 'depots/{depot}/parcels/{parcel}/labels/{label}',
      namePath: 'depots/*/parcels/*/labels/*',
      collectionPath: '/v1/{parent=depots/*/parcels/*}/labels',
      exampleName: 'depots/some/parcels/some/labels/',
    });
  });

  const refusals: readonly (readonly [why: string, request: ServiceRequest, message: RegExp])[] = [
    ['a capital letter', { name: 'Parcels' }, /"Parcels" as a name: expected words of a to z/],
    ['a digit first', { name: '2parcels' }, /expected words of a to z/],
    ['a hyphen', { name: 'price-lists' }, /expected words of a to z/],
    ['a path', { name: '../parcels' }, /expected words of a to z/],
    ['two underscores', { name: 'price__lists' }, /expected words of a to z/],
    ['nothing', { name: '' }, /expected words of a to z/],
    ['a name that is too long', { name: `${'a'.repeat(40)}s` }, /41 letters, expected 40 at most/],
    ['a plural that tells no singular', { name: 'sheep' }, /give --singular/],
    ['one word for one and several', { name: 'sheep', singular: 'sheep' }, /both one and several/],
    ['a word of TypeScript', { name: 'classes' }, /"class" as a singular: it is a word of TypeScript/],
    ['a word of Protobuf', { name: 'messages' }, /"message" as a singular: it is a word of/],
    ['an area of two words', { name: 'parcels', area: 'big_parcels' }, /expected one word/],
    ['a parent that is no pattern', { name: 'labels', parent: 'parcels' }, /a pattern such as parcels\/\{parcel\}/],
  ];
  for (const [why, request, message] of refusals) {
    it(`refuses ${why}`, () => {
      expect(() => wordsOf(request)).to.throw(ScaffoldError, message);
    });
  }
});
