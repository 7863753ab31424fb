import type { JsonValue } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { bind } from '../harness.js';

type Row = readonly [request: string, message: JsonValue];
type BodyRow = readonly [request: string, body: string, message: JsonValue];

/** Longer than what a path shows of a key. */
const LONG = 'k'.repeat(70);

describe('bindRequest()', () => {
  context('with a path', () => {
    const rows: readonly Row[] = [
      ['GET /v1/things/a', { name: 'things/a' }],
      ['GET /v1/shelves/s/things/a', { name: 'shelves/s/things/a' }],
      ['GET /v1/one/a%2Fb', { text: 'a/b' }],
      ['GET /v1/one/a+b', { text: 'a+b' }],
      ['GET /v1/one/', {}],
      ['GET /v1/many/a/b%2Fc/d%20e', { text: 'a/b%2Fc/d e' }],
      ['GET /v1/many', {}],
      ['GET /v1/two/files/x', { text: 'files/x' }],
      [
        'GET /v1/int/-7/COLOR_RED/2030-01-31T12:00:00Z',
        { int32Value: -7, enumValue: 'COLOR_RED', timestamp: '2030-01-31T12:00:00Z' },
      ],
      [
        'GET /v1/int/7/2/2030-01-31T12:00:00%2B01:00',
        { int32Value: 7, enumValue: 'COLOR_BLUE', timestamp: '2030-01-31T11:00:00Z' },
      ],
    ];
    for (const [request, message] of rows) it(`binds ${request}`, () => expect(bind(request)).to.deep.equal(message));
  });

  context('with a query', () => {
    const rows: readonly Row[] = [
      ['', {}],
      ['text=a', { text: 'a' }],
      ['text=', {}],
      ['text', {}],
      ['text=a+b%2Bc', { text: 'a b+c' }],
      ['int32Value=-5', { int32Value: -5 }],
      ['int32_value=5', { int32Value: 5 }],
      ['uint32Value=4294967295', { uint32Value: 4294967295 }],
      ['int64Value=-9223372036854775808', { int64Value: '-9223372036854775808' }],
      ['uint64Value=18446744073709551615', { uint64Value: '18446744073709551615' }],
      ['doubleValue=1.5e3', { doubleValue: 1500 }],
      ['doubleValue=-Infinity', { doubleValue: '-Infinity' }],
      ['doubleValue=NaN', { doubleValue: 'NaN' }],
      ['floatValue=.5', { floatValue: 0.5 }],
      ['boolValue=true', { boolValue: true }],
      ['boolValue=false', {}],
      ['bytesValue=aGk%3D', { bytesValue: 'aGk=' }],
      ['bytesValue=_-8', { bytesValue: '/+8=' }],
      ['enumValue=COLOR_BLUE', { enumValue: 'COLOR_BLUE' }],
      ['enumValue=1', { enumValue: 'COLOR_RED' }],
      ['enumValue=77', { enumValue: 77 }],
      ['strings=a&strings=b&strings=', { strings: ['a', 'b', ''] }],
      ['numbers=1&strings=x&numbers=2', { numbers: [1, 2], strings: ['x'] }],
      ['colors=COLOR_RED&colors=2', { colors: ['COLOR_RED', 'COLOR_BLUE'] }],
      ['place.cityName=Ulm&place.height=478', { place: { cityName: 'Ulm', height: 478 } }],
      ['place.city_name=Ulm', { place: { cityName: 'Ulm' } }],
      ['inner.inner.place.height=1&inner.text=x', { inner: { inner: { place: { height: 1 } }, text: 'x' } }],
      ['inner.strings=a&inner.strings=b', { inner: { strings: ['a', 'b'] } }],
      ['timestamp=2030-01-31T12:00:00.5Z', { timestamp: '2030-01-31T12:00:00.500Z' }],
      ['duration=1.5s', { duration: '1.500s' }],
      ['mask=text,place.cityName', { mask: ['text', 'place.city_name'] }],
      ['mask=text,place.city_name', { mask: ['text', 'place.city_name'] }],
      ['wrappedInt=0', { wrappedInt: 0 }],
      ['wrappedText=', { wrappedText: '' }],
      ['wrappedBool=false', { wrappedBool: false }],
      ['labels[a]=1&labels[b.c]=2&labels[d]e]=3', { labels: { a: '1', 'b.c': '2', 'd]e': '3' } }],
      ['labels%5Ba%5D=1', { labels: { a: '1' } }],
      ['labels[]=1', { labels: { '': '1' } }],
      [`labels[${LONG}a]=1&labels[${LONG}b]=2`, { labels: { [`${LONG}a`]: '1', [`${LONG}b`]: '2' } }],
      ['counts[-1]=5', { counts: { '-1': '5' } }],
      ['inner.labels[k]=v', { inner: { labels: { k: 'v' } } }],
      ['firstChoice=', { firstChoice: '' }],
      ['thirdChoice.height=1', { thirdChoice: { height: 1 } }],
      ['optionalText=', { optionalText: '' }],
      ['otherName=a', { otherName: 'a' }],
      ['renamed=a', { otherName: 'a' }],
      ['utm_source=mail&fbclid=1&gclid=2&text=a', { text: 'a' }],
      ['$alt=json&$prettyPrint=true&alt=json;enum-encoding=int&prettyPrint=false&text=a', { text: 'a' }],
    ];
    for (const [query, message] of rows) {
      it(`binds ?${query}`, () => expect(bind(`GET /v1/things?${query}`)).to.deep.equal(message));
    }

    it('keeps __proto__ as a key of a map', () => {
      const { labels } = bind('GET /v1/things?labels[__proto__]=x') as { labels: object };
      expect(Object.entries(labels)).to.deep.equal([['__proto__', 'x']]);
    });
  });

  context('with a body', () => {
    const rows: readonly BodyRow[] = [
      [
        'POST /v1/shelves/s/things?thingId=t',
        '{"displayName":"x"}',
        { parent: 'shelves/s', thing: { displayName: 'x' }, thingId: 't' },
      ],
      ['POST /v1/shelves/s/things', '{"display_name":"x"}', { parent: 'shelves/s', thing: { displayName: 'x' } }],
      ['POST /v1/shelves/s/things', '{}', { parent: 'shelves/s', thing: {} }],
      ['POST /v1/shelves/s/things', 'null', { parent: 'shelves/s' }],
      [
        'POST /v1/shelves/s/things',
        ' {"tags":["a","b"],"labels":{"k":"v"}}\n',
        { parent: 'shelves/s', thing: { tags: ['a', 'b'], labels: { k: 'v' } } },
      ],
      ['POST /v1/everything/p:check', '{"text":"b","int32Value":1}', { text: 'p', int32Value: 1 }],
      [
        'POST /v1/everything/p:check',
        '{"int64Value":"9007199254740993"}',
        { text: 'p', int64Value: '9007199254740993' },
      ],
      [
        'POST /v1/everything/p:check',
        '{"doubleValue":12345678901234567890}',
        { text: 'p', doubleValue: 12345678901234567000 },
      ],
      ['POST /v1/everything/p:check', '{"place":null,"strings":null,"value":null}', { text: 'p', value: null }],
      ['POST /v1/everything/p:check', '{"mask":"place.cityName"}', { text: 'p', mask: ['place.city_name'] }],
      [
        'POST /v1/everything/p:check',
        '{"any":{"@type":"type.googleapis.com/fixtures.v1.Place","height":3}}',
        { text: 'p', any: { '@type': 'type.googleapis.com/fixtures.v1.Place', height: 3 } },
      ],
      ['POST /v1/everything/p:check', '\ufeff{"int32Value":1}', { text: 'p', int32Value: 1 }],
    ];
    for (const [request, body, message] of rows) {
      it(`binds ${request} ${body.trim()}`, () => expect(bind(request, body)).to.deep.equal(message));
    }

    it('leaves its fields unset when there is none', () => {
      expect(bind('POST /v1/shelves/s/things')).to.deep.equal({ parent: 'shelves/s' });
      expect(bind('POST /v1/everything/p:check')).to.deep.equal({ text: 'p' });
    });

    it('keeps keys of free form that mean something to JavaScript', () => {
      const keys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''];
      const body = `{"fields":{${keys.map((key) => `"${key}":1`).join(',')}}}`;
      const { thing } = bind('POST /v1/shelves/s/things', body) as { thing: { fields: object } };
      expect(Object.keys(thing.fields)).to.deep.equal(keys);
    });
  });

  context('with PATCH', () => {
    const PATCH = 'PATCH /v1/things/a';
    const masks: readonly (readonly [body: string, paths: readonly string[]])[] = [
      ['{"displayName":"x"}', ['display_name']],
      ['{"display_name":"x"}', ['display_name']],
      ['{"displayName":""}', ['display_name']],
      ['{"displayName":null}', ['display_name']],
      ['{"tags":[]}', ['tags']],
      ['{"tags":["a"],"labels":{"k":"v"}}', ['tags', 'labels']],
      ['{"labels":{}}', ['labels']],
      ['{"fields":{"a":{"b":1}}}', ['fields']],
      ['{"fields":{}}', ['fields']],
      ['{"fields":null}', ['fields']],
      ['{"place":{"cityName":"Ulm"}}', ['place.city_name']],
      ['{"place":{"cityName":"Ulm","height":0}}', ['place.city_name', 'place.height']],
      ['{"place":{}}', ['place']],
      ['{"place":null}', ['place']],
      // What a caller cannot change comes along when it sends back what it has read.
      [
        '{"name":"things/a","displayName":"x","etag":"e","revision":"5","createTime":"2030-01-01T00:00:00Z"}',
        ['display_name'],
      ],
      ['{"place":{"height":1,"visitCount":"7"}}', ['place.height']],
    ];
    for (const [body, paths] of masks) {
      it(`infers the mask of ${body}`, () => expect(bind(PATCH, body)).to.have.deep.property('updateMask', paths));
    }

    const given: readonly (readonly [mask: string, paths: readonly string[]])[] = [
      ['displayName', ['display_name']],
      ['display_name,place.cityName', ['display_name', 'place.city_name']],
      ['*', ['*']],
      ['', []],
      // What is inside a free form is data: its capitals stay, and so do dots and commas in backticks.
      ['fields.firstName', ['fields.firstName']],
      ['fields.first_name', ['fields.first_name']],
      ['fields.`a,b.c`.D', ['fields.`a,b.c`.D']],
      ['labels.someKey', ['labels.someKey']],
      ['noSuchField.x', ['no_such_field.x']],
    ];
    for (const [mask, paths] of given) {
      it(`takes ?updateMask=${mask} over what the body holds`, () => {
        const message = bind(`${PATCH}?updateMask=${encodeURIComponent(mask)}`, '{"displayName":"x","tags":["a"]}');
        expect(message).to.have.deep.property('updateMask', paths);
      });
    }

    it('keeps the etag in the resource', () => {
      expect(bind(PATCH, '{"etag":"e","displayName":"x"}')).to.have.deep.property('thing', {
        name: 'things/a',
        etag: 'e',
        displayName: 'x',
      });
    });

    it('lets the path win over the name in the body', () => {
      expect(bind(PATCH, '{"name":"things/other","displayName":"x"}')).to.have.nested.property(
        'thing.name',
        'things/a',
      );
    });
  });
});
