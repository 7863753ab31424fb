import { create, fromBinary, fromJson, toBinary, toJson, type DescMessage, type Message } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { compileFilter } from '../../../src/repositories/filter/resolve.js';
import { createMessageCodec } from '../../../src/repositories/message-codec.js';
import { UnstorableValueError } from '../../../src/repositories/stored-json.js';
import type { JsonObject } from '../../../src/store/json-value.js';
import { compilePredicate } from '../../../src/store/query/predicate.js';
import { fixtureRegistry } from '../gateway/fixture.js';

describe('createMessageCodec()', () => {
  const registry = fixtureRegistry();

  const codecOf = (name: string) => {
    const descriptor = registry.getMessage(`fixtures.v1.${name}`);
    if (descriptor === undefined) throw new RangeError(`There is no fixtures.v1.${name}`);
    const generated = {
      encode: (message: Message) => ({ finish: () => toBinary(descriptor, message) }),
      decode: (bytes: Uint8Array): Message => fromBinary(descriptor, bytes),
    };
    return { descriptor, codec: createMessageCodec({ generated, descriptor, registry }) };
  };
  const stateOf = (value: JsonObject) => ({
    collection: 'things',
    id: 'shelves/s/things/t',
    value,
    revision: 7,
    createRevision: 5,
    createTime: Date.parse('2024-05-01T10:00:00.250Z'),
    updateTime: Date.parse('2024-05-02T10:00:00Z'),
  });
  const show = (descriptor: DescMessage, message: Message) =>
    toJson(descriptor, message, { useProtoFieldName: true, registry });
  const THING: JsonObject = {
    display_name: 'A thing',
    fields: { a: [1, { b: null }], 'c.d': 'é' },
    place: { city_name: 'Berlin', height: 34, visit_count: '12' },
    tags: ['x', 'y'],
    labels: { env: 'prod', 'a.b': '' },
  };

  it('stores a message under the names of its contract, without what the ledger knows', () => {
    const { descriptor, codec } = codecOf('Thing');
    const message = fromJson(descriptor, { ...THING, name: 'mine', etag: 'e', revision: '3' } as never, { registry });

    expect(codec.encode(message)).to.deep.equal({
      ...THING,
      place: { city_name: 'Berlin', height: 34, visit_count: 12 },
    });
  });

  it('gives the message back with what the ledger knows', () => {
    const { descriptor, codec } = codecOf('Thing');
    const message = fromJson(descriptor, THING as never, { registry });

    expect(show(descriptor, codec.decode(stateOf(codec.encode(message))))).to.deep.equal({
      ...THING,
      name: 'shelves/s/things/t',
      etag: 'Nw',
      revision: '7',
      create_time: '2024-05-01T10:00:00.250Z',
    });
  });

  it('passes over what a newer release has stored', () => {
    const { descriptor, codec } = codecOf('Thing');
    const shown = show(descriptor, codec.decode(stateOf({ display_name: 'x', invented: 1 })));
    expect(shown).to.include({ display_name: 'x' }).and.not.to.have.property('invented');
  });

  const EVERYTHING: readonly JsonObject[] = [
    {},
    { text: 'é', int32_value: -5, uint32_value: 7, int64_value: '-9007199254740991', uint64_value: '5' },
    { double_value: 1.5, float_value: 0.5, bool_value: true, bytes_value: 'AAEC', enum_value: 'COLOR_RED' },
    { timestamp: '2024-05-01T10:00:00.000000001Z' },
    { duration: '-1.500s' },
    { duration: '315576000000s' },
    { duration: '0.000000001s' },
    { strings: ['a', ''], numbers: [1, -2], colors: ['COLOR_BLUE'], places: [{ visit_count: '3' }] },
    { labels: { '': 'x', 'a.b': 'y' }, counts: { '-1': '5' }, places_by_name: { home: { height: 1 } } },
    { struct: { a: null, b: [1, '2'] }, value: 'x', mask: 'text,boolValue', optional_text: '' },
    { wrapped_int: 0, wrapped_text: '', wrapped_bool: false, second_choice: 0, renamed: 'r' },
    { inner: { inner: { duration: '1s', timestamp: '0001-01-01T00:00:00Z' } } },
    { any: { '@type': 'type.googleapis.com/fixtures.v1.Place', cityName: 'Rome' } },
  ];
  for (const json of EVERYTHING) {
    it(`gives back ${JSON.stringify(json)}`, () => {
      const { descriptor, codec } = codecOf('Everything');
      const message = fromJson(descriptor, json as never, { registry, ignoreUnknownFields: true });

      expect(show(descriptor, codec.decode(stateOf(codec.encode(message))))).to.deep.equal(show(descriptor, message));
    });
  }

  for (const [field, value] of Object.entries({
    int64_value: '9007199254740993',
    double_value: 'NaN',
    float_value: 'Infinity',
  })) {
    it(`refuses ${field} ${value}, and names it`, () => {
      const { descriptor, codec } = codecOf('Everything');
      const message = fromJson(descriptor, { [field]: value } as never, { registry });

      expect(() => codec.encode(message))
        .to.throw(UnstorableValueError)
        .with.property('path', field);
    });
  }

  it('refuses a time outside of years 1 to 9999', () => {
    const { descriptor, codec } = codecOf('Everything');
    const field = descriptor.fields.find(({ message }) => message?.typeName === 'google.protobuf.Timestamp');
    const message = create(descriptor, { [field?.localName ?? '']: { seconds: 2n ** 40n } });

    expect(() => codec.encode(message)).to.throw(UnstorableValueError);
  });

  it('gives filters the fields of the contract and their types', () => {
    const { descriptor, codec } = codecOf('Thing');
    const state = stateOf(codec.encode(fromJson(descriptor, THING as never, { registry })));
    const met = (filter: string) => compilePredicate(compileFilter(filter, codec.schema))(state);

    expect(met('place.city_name = Berlin AND place.visit_count >= 12 AND tags:x')).to.equal(true);
    expect(met('fields.a.b:* AND labels:env AND name:"*/t" AND create_time < 2024-05-01T10:00:01Z')).to.equal(true);
    expect(met('labels.env = test OR place.height > 34')).to.equal(false);
  });
});
