import { expect } from 'chai';
import { FieldMaskError } from '../../../src/repositories/field-mask.js';
import { valueField, type FieldType, type Schema } from '../../../src/repositories/filter/schema.js';
import { applyUpdateMask, checkUpdateMask, MASK_PATHS_MAX } from '../../../src/repositories/update-mask.js';

const CITY: FieldType = { kind: 'message', fields: new Map([['city', { kind: 'string' }]]) };
const SCHEMA: Schema = new Map([
  ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
  valueField('fields', { kind: 'json' }),
  valueField('place', CITY),
  valueField('labels', { kind: 'map', value: CITY }),
  valueField('tags', { kind: 'list', element: CITY }),
]);

describe('checkUpdateMask()', () => {
  for (const mask of [undefined, [], ['*']]) {
    it(`takes ${JSON.stringify(mask)} as the whole`, () => {
      expect(checkUpdateMask(mask, SCHEMA)).to.equal(undefined);
    });
  }

  for (const path of ['fields', 'fields.a.`b c`', 'place', 'place.city', 'labels.any', 'labels.`a.b`.city', 'tags']) {
    it(`allows ${path}`, () => {
      expect(checkUpdateMask([path], SCHEMA)).to.deep.equal([path]);
    });
  }

  const refused: Readonly<Record<string, string>> = {
    name: 'cannot be updated: expected "fields" or "place"',
    nope: 'cannot be updated',
    'place.street': 'is unknown: expected one of city',
    'place.city.x': 'goes into a string',
    'tags.city': 'goes into a list',
    'labels.x.street': 'is unknown',
    'place.': 'is not a field path',
    __proto__: 'cannot be updated',
  };
  for (const [path, problem] of Object.entries(refused)) {
    it(`refuses ${path} and names it`, () => {
      expect(() => checkUpdateMask(['fields', path], SCHEMA))
        .to.throw(FieldMaskError, problem)
        .with.property('path', path);
    });
  }

  it('refuses * beside others, and too many', () => {
    expect(() => checkUpdateMask(['*', 'fields'], SCHEMA)).to.throw(FieldMaskError, 'must stand alone');
    const many = Array.from({ length: MASK_PATHS_MAX + 1 }, () => 'fields');
    expect(() => checkUpdateMask(many, SCHEMA)).to.throw(FieldMaskError, 'too many');
  });
});

describe('applyUpdateMask()', () => {
  const rivals = new Map([
    ['email', ['phone']],
    ['phone', ['email']],
  ]);
  const contact: FieldType = {
    kind: 'message',
    rivals,
    fields: new Map([
      ['email', { kind: 'string' }],
      ['phone', { kind: 'string' }],
    ]),
  };
  const schema: Schema = new Map([
    valueField('contact', contact),
    ['a', { type: { kind: 'string' }, field: { kind: 'value', keys: ['a'] }, rivals: ['b'] }],
    ['b', { type: { kind: 'string' }, field: { kind: 'value', keys: ['b'] }, rivals: ['a'] }],
  ]);

  it('removes the other fields of a oneof when one is set', () => {
    const target = { a: '1', contact: { email: 'x' } };
    const source = { b: '2', contact: { phone: 'y' } };
    expect(applyUpdateMask(target, source, { paths: ['b', 'contact.phone'], schema })).to.deep.equal({
      b: '2',
      contact: { phone: 'y' },
    });
  });

  it('leaves them when one is removed', () => {
    const target = { a: '1', contact: { email: 'x' } };
    expect(applyUpdateMask(target, {}, { paths: ['b', 'contact.phone'], schema })).to.deep.equal(target);
  });
});
