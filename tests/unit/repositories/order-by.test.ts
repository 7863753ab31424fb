import { expect } from 'chai';
import { valueField, type Schema } from '../../../src/repositories/filter/schema.js';
import { ORDER_FIELDS_MAX, OrderByError, parseOrderBy } from '../../../src/repositories/order-by.js';

const SCHEMA: Schema = new Map([
  ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
  ['create_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'createTime' } }],
  valueField('any', { kind: 'json' }),
  valueField('tags', { kind: 'list', element: { kind: 'string' } }),
]);

describe('parseOrderBy()', () => {
  const read = (text: string) =>
    parseOrderBy(text, SCHEMA).map(({ field, descending }) => {
      const name = field.kind === 'value' ? field.keys.join('/') : field.kind;
      return descending ? `${name} desc` : name;
    });
  const cases: Readonly<Record<string, readonly string[]>> = {
    '': [],
    '  ': [],
    'any.a': ['any/a'],
    'any.a desc, create_time': ['any/a desc', 'createTime'],
    ' any.a  asc ,create_time desc ': ['any/a', 'createTime desc'],
    'any.`a b`.`c``d`': ['any/a b/c`d'],
    name: [],
    'name desc': ['id desc'],
    'create_time desc, name desc': ['createTime desc'],
    'create_time desc, name, any.a': ['createTime desc', 'id'],
  };
  for (const [text, expected] of Object.entries(cases)) {
    it(`reads "${text}"`, () => {
      expect(read(text)).to.deep.equal(expected);
    });
  }

  const refused: readonly [text: string, position: number, problem: string][] = [
    [',', 0, 'expected a field name'],
    ['any,', 4, 'expected a field name'],
    ['any up', 4, 'expected "," or the end'],
    ['any. desc', 4, 'expected a field name'],
    ['nope', 0, 'expected one of the fields'],
    ['tags', 0, 'found a list'],
    ['any.`open', 4, 'expected a field name'],
    [Array.from({ length: ORDER_FIELDS_MAX + 1 }, () => 'any').join(','), ORDER_FIELDS_MAX * 4, 'at most'],
  ];
  for (const [text, position, problem] of refused) {
    it(`refuses "${text}" at position ${position}`, () => {
      expect(() => parseOrderBy(text, SCHEMA))
        .to.throw(OrderByError, problem)
        .with.property('position', position);
    });
  }
});
