import { expect } from 'chai';
import { assert, array, integer, property, uint8Array } from 'fast-check';
import { FrameError, FrameReader, toFrame } from '../../../../src/rpc/grpc/frames.js';
import { seed } from '../../../support/seed.js';

describe('FrameReader', () => {
  it('gives the same messages however their bytes are cut', () => {
    const messages = array(uint8Array({ maxLength: 300 }), { maxLength: 5 });
    const cuts = array(integer({ min: 0, max: 1500 }), { maxLength: 10 });
    const same = property(messages, cuts, (sent, at) => {
      const bytes = Buffer.concat(sent.map(toFrame));
      const edges = [0, ...at.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
      const reader = new FrameReader(1024);
      const received = edges.slice(1).flatMap((edge, i) => reader.push(bytes.subarray(edges[i], edge)));
      expect(received.map((frame) => [...frame.bytes])).to.deep.equal(sent.map((message) => [...message]));
      expect(reader.isBetweenMessages).to.equal(true);
    });
    assert(same, { seed: seed() });
  });

  it('refuses a length beyond the limit as soon as it is announced', () => {
    const reader = new FrameReader(10);

    expect(() => reader.push(Buffer.from([0, 0, 0, 0, 11])))
      .to.throw(FrameError)
      .with.property('kind', 'too-large');
  });

  it('knows that it is inside a message', () => {
    const reader = new FrameReader(10);
    reader.push(Buffer.from([0, 0, 0, 0, 2, 7]));

    expect(reader.isBetweenMessages).to.equal(false);
  });
});
