import { expect } from 'chai';
import { array, assert, integer, property, record, uint8Array } from 'fast-check';
import { FrameReader } from '../../../../src/rpc/framed/frame-reader.js';
import { ConnectionError, ErrorCode, PREFACE, STREAM_ID_MAX } from '../../../../src/rpc/framed/protocol.js';
import { frame } from '../../../support/frame-client.js';
import { seed } from '../../../support/seed.js';

const BYTE = { min: 0, max: 255 };

describe('FrameReader of HTTP/2', () => {
  it('gives the same frames however their bytes are cut', () => {
    const frames = array(
      record({
        type: integer(BYTE),
        flags: integer(BYTE),
        streamId: integer({ min: 0, max: STREAM_ID_MAX }),
        payload: uint8Array({ maxLength: 600 }),
      }),
      { maxLength: 6 },
    );
    const cuts = array(integer({ min: 0, max: 4000 }), { maxLength: 20 });
    const same = property(frames, cuts, (sent, at) => {
      const bytes = Buffer.concat([
        PREFACE,
        ...sent.map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, Buffer.from(payload))),
      ]);
      const edges = [0, ...at.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
      const reader = new FrameReader();
      const received: unknown[] = [];
      for (const [i, edge] of edges.slice(1).entries()) {
        // As a socket gives them: whoever has read a chunk may be given the same memory again.
        const chunk = Buffer.from(bytes.subarray(edges[i], edge));
        reader.push(chunk, ({ type, flags, streamId, bytes: from, start, end }) => {
          received.push({ type, flags, streamId, payload: new Uint8Array(from.subarray(start, end)) });
        });
        chunk.fill(0xff);
      }
      expect(received).to.deep.equal(sent);
    });
    assert(same, { seed: seed() });
  });

  it('refuses a length beyond the maximum as soon as it is announced', () => {
    const reader = new FrameReader();

    expect(() => reader.push(Buffer.concat([PREFACE, Buffer.from('004001000000000001', 'hex')]), () => undefined))
      .to.throw(ConnectionError)
      .with.property('code', ErrorCode.FRAME_SIZE_ERROR);
  });
});
