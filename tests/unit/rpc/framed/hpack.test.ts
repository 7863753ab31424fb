import { expect } from 'chai';
import { array, assert, constantFrom, oneof, property, string, tuple } from 'fast-check';
import { HpackDecoder, HpackError } from '../../../../src/rpc/framed/hpack/decoder.js';
import { HpackEncoder } from '../../../../src/rpc/framed/hpack/encoder.js';
import { seed } from '../../../support/seed.js';

const LIST_BYTES_MAX = 16 * 1024;

type Fields = readonly (readonly [name: string, value: string])[];

/** The requests of RFC 7541, C.3 and C.4. */
const FIRST_REQUEST: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'www.example.com'],
];
const REQUESTS: readonly Fields[] = [
  FIRST_REQUEST,
  [...FIRST_REQUEST, ['cache-control', 'no-cache']],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];

/** The responses of RFC 7541, C.5 and C.6. */
const RESPONSES: readonly Fields[] = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
];

/** The table of those responses has 256 bytes: they fill it, and evict. */
const TABLE_OF_256_BYTES = '3fe101';

const VECTORS: readonly { title: string; blocks: readonly string[]; lists: readonly Fields[] }[] = [
  {
    title: 'C.2.1, a literal that is remembered',
    blocks: ['400a637573746f6d2d6b65790d637573746f6d2d686561646572'],
    lists: [[['custom-key', 'custom-header']]],
  },
  {
    title: 'C.2.2, a literal that is not remembered',
    blocks: ['040c2f73616d706c652f70617468'],
    lists: [[[':path', '/sample/path']]],
  },
  {
    title: 'C.2.3, a literal that is never indexed',
    blocks: ['100870617373776f726406736563726574'],
    lists: [[['password', 'secret']]],
  },
  { title: 'C.2.4, a field of the static table', blocks: ['82'], lists: [[[':method', 'GET']]] },
  {
    title: 'C.3, requests',
    blocks: [
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    lists: REQUESTS,
  },
  {
    title: 'C.4, requests in Huffman code',
    blocks: [
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
    lists: REQUESTS,
  },
  {
    title: 'C.5, responses with a small table',
    blocks: [
      `${TABLE_OF_256_BYTES}4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ],
    lists: RESPONSES,
  },
  {
    title: 'C.6, responses in Huffman code with a small table',
    blocks: [
      `${TABLE_OF_256_BYTES}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
    lists: RESPONSES,
  },
];

const BROKEN: Readonly<Record<string, string>> = {
  'the index 0': '80',
  'an index behind the static table': 'be',
  'an index that never ends': 'ffffffffff',
  'an integer beyond 28 bits': 'ff8080808001',
  'a table beyond its limit': '3fe21f',
  'a table that changes its size behind a field': '8220',
  'a text that is longer than its block': '40ff',
  'a text whose length alone is there': '0005',
  'a name without a value': '0001',
  'Huffman code that ends in zeros': '00018181' + '00',
  'Huffman code with more padding than seven bits': '000161' + '82' + '1fff',
  'Huffman code with EOS': '000161' + '84' + 'ffffffff',
};

describe('HpackDecoder', () => {
  for (const { title, blocks, lists } of VECTORS) {
    it(`decodes the example ${title}`, () => {
      const decoder = new HpackDecoder(LIST_BYTES_MAX);

      expect(blocks.map((block) => fieldsOf(decoder, Buffer.from(block, 'hex')))).to.deep.equal(lists);
    });
  }

  for (const [title, block] of Object.entries(BROKEN)) {
    it(`refuses ${title}`, () => {
      expect(() => new HpackDecoder(LIST_BYTES_MAX).decode(Buffer.from(block, 'hex'))).to.throw(HpackError);
    });
  }

  it('counts what is beyond the limit of a list, keeps none of it, and its table all the same', () => {
    const decoder = new HpackDecoder(100);
    const remembered = Buffer.from('4001610162', 'hex');
    const { fields, bytes } = decoder.decode(Buffer.concat([remembered, ...Array<Buffer>(99).fill(Buffer.of(0xbe))]));

    expect(fields).to.have.length(2);
    expect(bytes).to.equal(100 * 34);
    expect(fieldsOf(decoder, Buffer.of(0xbe))).to.deep.equal([['a', 'b']]);
  });

  it('takes a literal for the one before only if it says the same, whatever the table has learned meanwhile', () => {
    // Names of the static table, the newest of the dynamic one, and their own; values that share lengths and last bytes.
    const value = constantFrom('Bearer one-x', 'Bearer two-x', 'Bearer one-y', 'x', '', 'z'.repeat(600));
    const literal = tuple(constantFrom('04', '14', '0f08', '1f08', '0f2f', '000161'), value).map(([name, text]) =>
      Buffer.concat([Buffer.from(name, 'hex'), textOf(text)]),
    );
    const learned = constantFrom('x-one', 'x-two').map((name) =>
      Buffer.concat([Buffer.of(0x40), textOf(name), textOf('v')]),
    );
    const first = Buffer.concat([Buffer.of(0x40), textOf('x-zero'), textOf('v')]);
    const same = property(array(oneof(literal, learned), { maxLength: 20 }), (fields) => {
      const decoder = new HpackDecoder(LIST_BYTES_MAX);
      const oneByOne = [first, ...fields].flatMap((field) => fieldsOf(decoder, field));
      // What a decoder that has seen nothing but the table's fields makes of each.
      const alone = [first, ...fields].flatMap((field, at, all) => {
        const fresh = new HpackDecoder(LIST_BYTES_MAX);
        for (const before of all.slice(0, at)) if (before[0] === 0x40) fresh.decode(before);
        return fieldsOf(fresh, field);
      });

      expect(oneByOne).to.deep.equal(alone);
    });
    assert(same, { seed: seed(), numRuns: 300 });
  });

  it('remembers literals that it has decoded, but not the long ones', () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    const decode = (text: string) =>
      decoder.decode(Buffer.concat([Buffer.from('1f08', 'hex'), textOf(text)])).fields[0];

    const token = decode('Bearer one');
    expect(decode('Bearer one')).to.equal(token);
    expect(decode('Bearer two')).to.not.equal(token);
    expect(decode('t'.repeat(600))).to.not.equal(decode('t'.repeat(600)));
  });

  it('empties its table for a field that is larger', () => {
    const decoder = new HpackDecoder(LIST_BYTES_MAX);
    decoder.decode(Buffer.from('4001610162', 'hex'));
    const value = 'v'.repeat(4096);
    const large = Buffer.concat([Buffer.from('4001617f811f', 'hex'), Buffer.from(value)]);

    expect(fieldsOf(decoder, large)).to.deep.equal([['a', value]]);
    expect(() => decoder.decode(Buffer.of(0xbe))).to.throw(HpackError);
  });

  it('knows the fields that HTTP/2 lets through', () => {
    const isLegal = (name: string, value: string) =>
      new HpackDecoder(LIST_BYTES_MAX).decode(encode(new HpackEncoder(new Map()), [[name, value]])).fields[0]?.isLegal;

    expect(isLegal('x-a', 'b c')).to.equal(true);
    expect(isLegal('te', 'trailers')).to.equal(true);
    for (const name of ['X-a', 'a b', '', 'a:b', 'connection', 'upgrade', 'transfer-encoding', '\u00e4']) {
      expect(isLegal(name, 'b'), name).to.equal(false);
    }
    for (const value of [' b', 'b\t', 'b\nc', 'b\rc', '\0']) expect(isLegal('x-a', value)).to.equal(false);
    expect(isLegal('te', 'gzip')).to.equal(false);
  });
});

describe('HpackEncoder', () => {
  const KNOWN = new Map([
    ['content-type', 'application/grpc'],
    ['grpc-status', '0'],
  ]);

  it('says what the decoder reads, whatever the fields and the tables of the peer', () => {
    const field = tuple(
      constantFrom(':status', 'content-type', 'grpc-status', 'x-a', `x-${'b'.repeat(200)}`),
      constantFrom('200', 'application/grpc', '0', '5', 'c'.repeat(20_000)).chain((value) =>
        string({ maxLength: 3 }).map((more) => value + more.replaceAll(/[^!-~]/g, '')),
      ),
    );
    const blocks = array(tuple(array(field, { maxLength: 6 }), constantFrom(undefined, 4096, 200, 60, 0)));
    const same = property(blocks, (lists) => {
      const encoder = new HpackEncoder(KNOWN);
      const decoder = new HpackDecoder(2 ** 30);
      for (const [fields, peerTableBytes] of lists) {
        if (peerTableBytes !== undefined) encoder.setPeerTableBytes(peerTableBytes);
        expect(fieldsOf(decoder, encode(encoder, fields))).to.deep.equal(fields);
      }
    });
    assert(same, { seed: seed() });
  });

  it('sends the fields of every answer as a byte each, from the second time on', () => {
    const encoder = new HpackEncoder(KNOWN);
    const fields: Fields = [
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', '0'],
    ];
    encode(encoder, fields);

    expect([...encode(encoder, fields)]).to.deep.equal([0x88, 0xbf, 0xbe]);
  });

  it('uses no table that the peer has no room for, and says so', () => {
    const encoder = new HpackEncoder(KNOWN);
    encode(encoder, [['grpc-status', '0']]);
    encoder.setPeerTableBytes(0);
    const block = encode(encoder, [['grpc-status', '0']]);

    // A table of no bytes, and a literal that is not remembered.
    expect([...block.subarray(0, 2)]).to.deep.equal([0x20, 0x00]);
  });
});

function encode(encoder: HpackEncoder, fields: Fields): Buffer {
  encoder.begin();
  for (const [name, value] of fields) encoder.add(name, value);
  const block = Buffer.alloc(encoder.length);
  encoder.copyTo(block, 0, 0, encoder.length);
  return block;
}

function fieldsOf(decoder: HpackDecoder, block: Buffer): Fields {
  return decoder.decode(block).fields.map(({ name, value }) => [name, value]);
}

/** A text without Huffman code (section 5.2). */
function textOf(text: string): Buffer {
  const length =
    text.length < 0x7f ? [text.length] : [0x7f, ((text.length - 0x7f) & 0x7f) | 0x80, (text.length - 0x7f) >> 7];
  return Buffer.concat([Buffer.from(length), Buffer.from(text)]);
}
