import { expect } from 'chai';
import { array, assert, property, string } from 'fast-check';
import { Collection } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { MessageCodec } from '../../../src/rpc/service.js';
import { createMessageEncoder } from '../../../src/rpc/message-encoder.js';
import { seed } from '../../support/seed.js';

const named = (name: string) => Collection.fromPartial({ name });

describe('createMessageEncoder()', () => {
  it('gives the bytes of each message, which those of the next leave as they are', () => {
    const same = property(array(string({ maxLength: 300 }), { maxLength: 20 }), (names) => {
      const encode = createMessageEncoder();
      const encoded = names.map((name) => encode(Collection, named(name)));

      expect(encoded).to.deep.equal(names.map((name) => Collection.encode(named(name)).finish()));
    });
    assert(same, { seed: seed() });
  });

  it('begins anew behind a message that cannot be encoded', () => {
    const encode = createMessageEncoder();
    const broken: MessageCodec<Collection> = {
      ...Collection,
      encode: (message, writer) => {
        Collection.encode(message, writer);
        throw new RangeError('no such number');
      },
    };
    encode(Collection, named('before'));

    expect(() => encode(broken, named('lost'))).to.throw(RangeError);
    expect(encode(Collection, named('kept'))).to.deep.equal(Collection.encode(named('kept')).finish());
  });

  it('keeps apart a message that is encoded while another is', () => {
    const encode = createMessageEncoder();
    encode(Collection, named('before'));
    const inner: Uint8Array[] = [];
    const outer = Object.defineProperty(named(''), 'name', {
      get: () => {
        inner.push(encode(Collection, named('inner')));
        return 'outer';
      },
    });

    expect(Collection.decode(encode(Collection, outer)).name).to.equal('outer');
    expect(inner.map((bytes) => Collection.decode(bytes).name)).to.include('inner');
  });
});
