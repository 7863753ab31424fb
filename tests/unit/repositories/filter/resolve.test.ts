import { expect } from 'chai';
import { FilterError } from '../../../../src/repositories/filter/filter-error.js';
import { compileFilter } from '../../../../src/repositories/filter/resolve.js';
import { valueField, type FieldType, type Schema } from '../../../../src/repositories/filter/schema.js';
import type { JsonObject } from '../../../../src/store/json-value.js';
import { compilePredicate } from '../../../../src/store/query/predicate.js';

const PERSON: FieldType = {
  kind: 'message',
  fields: new Map<string, FieldType>([
    ['city', { kind: 'string' }],
    ['age', { kind: 'number' }],
  ]),
};
const SCHEMA: Schema = new Map([
  ['name', { type: { kind: 'string' }, field: { kind: 'id' } }],
  ['create_time', { type: { kind: 'timestamp', stored: 'milliseconds' }, field: { kind: 'createTime' } }],
  valueField('any', { kind: 'json' }),
  valueField('text', { kind: 'string' }),
  valueField('count', { kind: 'number' }),
  valueField('open', { kind: 'boolean' }),
  valueField('state', { kind: 'enum', values: ['NEW', 'DONE'] }),
  valueField('due', { kind: 'timestamp', stored: 'text' }),
  valueField('took', { kind: 'duration' }),
  valueField('person', PERSON),
  valueField('tags', { kind: 'list', element: { kind: 'string' } }),
  valueField('people', { kind: 'list', element: PERSON }),
  valueField('labels', { kind: 'map', value: { kind: 'string' } }),
]);

const VALUE: JsonObject = {
  any: { n: 1, s: '1', t: true, nothing: null, list: [1, 'a', { k: 5 }], o: { x: null }, 'a.b': 2 },
  text: 'hello world',
  count: 5,
  open: false,
  state: 'NEW',
  due: '2024-05-01T10:00:00.500000000Z',
  took: 1.5,
  person: { city: 'Berlin', age: 30 },
  tags: ['red', 'light blue'],
  people: [
    { city: 'Paris', age: 20 },
    { city: 'Rome', age: 70 },
  ],
  labels: { env: 'prod', 'a.b': 'dotted' },
};

function matches(filter: string, value: JsonObject = VALUE): boolean {
  const known = { collection: 'c', revision: 3, createRevision: 1, updateTime: 0 };
  const createTime = Date.parse('2024-05-01T10:00:00Z');
  return compilePredicate(compileFilter(filter, SCHEMA))({ ...known, id: 'things/t1', createTime, value });
}

describe('compileFilter()', () => {
  const met = [
    '',
    'any.n = 1',
    'any.s = "1"',
    'any.t = true',
    'any.nothing = null',
    'any.nothing:*',
    'any.n != 2',
    'any.n != "1"',
    'any.s != 1',
    'any.n != null',
    'any.list != 1',
    'NOT any.gone = 1',
    'NOT any.gone != 1',
    'NOT any.n < "5"',
    'any.list:1',
    'any.list:"a"',
    'any.list.k:5',
    'any.list.k >= 5 OR any.n = 1',
    'any.o:x',
    'any.o.x:*',
    'any.`a.b` = 2',
    'any."a.b" = 2',
    'any.s > "0"',
    'any.n >= 1 any.n <= 1',
    'any.s = "*"',
    'any:n',
    'text = "hello world"',
    'text = "hello*"',
    'text = *world',
    'text = "*o w*"',
    'text = "h*o*d"',
    'text != "x*"',
    'text > "hello"',
    'text = ("x" OR "hello*")',
    'text:"hello world"',
    'count = 5',
    'count = 5.0',
    'count > -1',
    'count:5',
    'open = false',
    'state = NEW',
    'state = "NEW"',
    'state != DONE',
    'state = (DONE OR NEW)',
    'due > "2024-05-01T10:00:00Z"',
    'due = 2024-05-01T12:00:00.5+02:00',
    'due < 2024-05-01T10:00:00.500000001Z',
    'took = 1.5s',
    'took > 1s',
    'took < 100s',
    'person.city = Berlin',
    'person:*',
    'person:city',
    'person.age > 18',
    'person.city:*',
    'tags:red',
    'tags:"light*"',
    'tags:*',
    'people.city:Rome',
    'people.age:70',
    'people.city:"P*"',
    'labels:env',
    'labels.env = prod',
    'labels.env:prod',
    'labels."a.b":*',
    'labels:"a.b"',
    'name = "things/t1"',
    'name:"things/*"',
    'create_time = 2024-05-01T10:00:00Z',
    'create_time < 2024-05-01T10:00:00.0001Z',
    'create_time:*',
  ];
  for (const filter of met) {
    it(`finds by ${filter || 'nothing'}`, () => {
      expect(matches(filter)).to.equal(true);
    });
  }

  const unmet = [
    'any.n = "1"',
    'any.s = 1',
    'any.n < "5"',
    'any.gone = null',
    'any.gone != 1',
    'any.gone:*',
    'any.n.deeper = 1',
    'any.list = 1',
    'any.list.k = 5',
    'any.list:k5',
    'any.n = true',
    'any.t = "true"',
    'any.o:y',
    'any.nothing != null',
    'text = hello',
    'text = "Hello*"',
    'text = "*w*h*"',
    'count = 6',
    'count < 5',
    'open = true',
    'state = DONE',
    'due < "2024-05-01T10:00:00.5Z"',
    'took > 1.5s',
    'person.city = "berlin"',
    'tags:light',
    'tags:green',
    'people.city:London',
    'labels:prod',
    'labels:a',
    'name = t1',
    'create_time > 2024-05-01T10:00:00Z',
    '-count = 5',
    'text = "\\*"',
  ];
  for (const filter of unmet) {
    it(`does not find by ${filter}`, () => {
      expect(matches(filter)).to.equal(false);
    });
  }

  it('takes a missing field, an empty list and a list of nothing apart', () => {
    expect(matches('tags:*', { tags: [] })).to.equal(false);
    expect(matches('any:*', { any: null })).to.equal(true);
    expect(matches('any:*', {})).to.equal(false);
    expect(matches('any = null', {})).to.equal(false);
  });

  it('compares texts by code point and not by UTF-16 unit', () => {
    expect(matches('text > "\uffee"', { text: '\u{1f600}' })).to.equal(true);
    expect(matches('text = "é"', { text: 'e\u0301' })).to.equal(false);
  });

  it('treats names like __proto__ as any other', () => {
    expect(matches('any.__proto__:*', { any: {} })).to.equal(false);
    expect(matches('any.constructor:*', { any: {} })).to.equal(false);
    expect(matches('any.__proto__ = 1', JSON.parse('{"any":{"__proto__":1}}') as JsonObject)).to.equal(true);
  });

  const refused: readonly [filter: string, position: number, problem: string][] = [
    ['nope = 1', 0, 'expected one of the fields name, create_time'],
    ['count = "5"', 8, 'expected a number for'],
    ['count = abc', 8, 'expected a number for'],
    ['count = 1e999', 8, 'expected a number for'],
    ['open > true', 7, 'expected = or != with "open"'],
    ['any.x < true', 8, 'expected a string or a number behind "<"'],
    ['any.x < null', 8, 'expected a string or a number'],
    ['state = OPEN', 8, 'expected one of NEW, DONE'],
    ['state > NEW', 8, 'expected = or !='],
    ['due > yesterday', 6, 'expected an RFC 3339 timestamp'],
    ['due > "2024-02-30T00:00:00Z"', 6, 'expected an RFC 3339 timestamp'],
    ['took > 5', 7, 'expected a duration in seconds'],
    ['person = Berlin', 9, 'expected a field of "person"'],
    ['person.street = x', 7, 'expected one of city, age, found "street"'],
    ['person:street', 7, 'expected a field of "person"'],
    ['tags = red', 7, 'expected ":" with "tags"'],
    ['people.city = Rome', 7, 'expected ":" to look into a list'],
    ['labels = prod', 9, 'expected ":" with "labels"'],
    ['text.length = 1', 5, 'there is nothing inside a string'],
    ['hello', 0, 'expected a comparison'],
    ['count = 5 hello', 10, 'expected a comparison'],
    ['text = "*a*b*c*d*"', 7, 'wildcards'],
    ['text = (a OR count = 5)', 7, 'expected values only'],
  ];
  for (const [filter, position, problem] of refused) {
    it(`refuses ${filter} at position ${position}`, () => {
      expect(() => compileFilter(filter, SCHEMA))
        .to.throw(FilterError, problem)
        .with.property('position', position);
    });
  }
});
