import { expect } from 'chai';
import { ErrorCode, Flag, FrameType, PREFACE, Setting } from '../../src/rpc/framed/protocol.js';
import type { CallStream } from '../../src/rpc/grpc/call-stream.js';
import { CallMetadata } from '../../src/rpc/metadata.js';
import {
  block,
  frame,
  FrameClient,
  requestBlock,
  startFramed,
  uint32,
  type FramedServer,
} from '../support/frame-client.js';

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION } =
  FrameType;
const { END_STREAM, END_HEADERS, PADDED, ACK } = Flag;
const UNKNOWN_FRAME = 0x77;
const WINDOW_MAX = 2 ** 31 - 1;
/** More answers than the buffers of two kernels hold. */
const CALLS = 10_000;
const ANSWER_BYTES = 8000;
const SETTLE_MS = 300;
const WHOLE = END_HEADERS | END_STREAM;

const open = (streamId = 1, changes = {}) => frame(HEADERS, END_HEADERS, streamId, requestBlock(changes));
const whole = (streamId = 1, changes = {}) => frame(HEADERS, WHOLE, streamId, requestBlock(changes));
const setting = (id: number, value: number) => {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id);
  bytes.writeUInt32BE(value, 2);
  return frame(SETTINGS, 0, 0, bytes);
};
const times = (count: number, bytes: (index: number) => Buffer) => Array.from({ length: count }, (_, i) => bytes(i));

/** What ends the connection, by the section of RFC 9113 that says so, and the code that it ends with. */
const CONNECTION_ERRORS: Readonly<Record<string, readonly [code: number, ...frames: Buffer[]]>> = {
  '4.2: a frame beyond the maximum': [ErrorCode.FRAME_SIZE_ERROR, frame(DATA, 0, 1, Buffer.alloc(16_385))],
  '4.3: a header block that is no HPACK': [ErrorCode.COMPRESSION_ERROR, frame(HEADERS, WHOLE, 1, Buffer.of(0x80))],
  '4.3: a frame inside a header block': [
    ErrorCode.PROTOCOL_ERROR,
    frame(HEADERS, 0, 1, requestBlock()),
    frame(PING, 0, 0, Buffer.alloc(8)),
  ],
  '4.3: a header block that another stream continues': [
    ErrorCode.PROTOCOL_ERROR,
    frame(HEADERS, 0, 1, requestBlock()),
    frame(CONTINUATION, END_HEADERS, 3),
  ],
  '5.1: DATA for a stream that is idle': [ErrorCode.PROTOCOL_ERROR, frame(DATA, 0, 1, Buffer.of(1))],
  '5.1: RST_STREAM for a stream that is idle': [ErrorCode.PROTOCOL_ERROR, frame(RST_STREAM, 0, 1, uint32(8))],
  '5.1: WINDOW_UPDATE for a stream that is idle': [ErrorCode.PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 1, uint32(1))],
  '5.1: HEADERS for a stream that is closed': [
    ErrorCode.STREAM_CLOSED,
    open(),
    frame(RST_STREAM, 0, 1, uint32(8)),
    whole(),
  ],
  '5.1.1: a stream with an even number': [ErrorCode.PROTOCOL_ERROR, open(2)],
  '5.1.1: a stream with a lower number than the last': [ErrorCode.PROTOCOL_ERROR, open(5), open(3)],
  '6.1: DATA for no stream': [ErrorCode.PROTOCOL_ERROR, frame(DATA, 0, 0, Buffer.of(1))],
  '6.1: DATA that is all padding, and more': [ErrorCode.PROTOCOL_ERROR, open(), frame(DATA, PADDED, 1, Buffer.of(1))],
  '6.1: DATA without room for its padding': [ErrorCode.FRAME_SIZE_ERROR, open(), frame(DATA, PADDED, 1)],
  '6.2: HEADERS for no stream': [ErrorCode.PROTOCOL_ERROR, open(0)],
  '6.2: HEADERS with too much padding': [
    ErrorCode.PROTOCOL_ERROR,
    frame(HEADERS, PADDED | WHOLE, 1, Buffer.from([9, 0x82])),
  ],
  '6.3: PRIORITY for no stream': [ErrorCode.PROTOCOL_ERROR, frame(PRIORITY, 0, 0, Buffer.alloc(5))],
  '6.4: RST_STREAM for no stream': [ErrorCode.PROTOCOL_ERROR, frame(RST_STREAM, 0, 0, uint32(8))],
  '6.4: RST_STREAM of a wrong length': [ErrorCode.FRAME_SIZE_ERROR, open(), frame(RST_STREAM, 0, 1, Buffer.alloc(3))],
  '6.5: SETTINGS for a stream': [ErrorCode.PROTOCOL_ERROR, frame(SETTINGS, 0, 1)],
  '6.5: SETTINGS of a wrong length': [ErrorCode.FRAME_SIZE_ERROR, frame(SETTINGS, 0, 0, Buffer.alloc(5))],
  '6.5: an acknowledgement that says more': [ErrorCode.FRAME_SIZE_ERROR, frame(SETTINGS, ACK, 0, Buffer.alloc(6))],
  '6.5.2: ENABLE_PUSH beyond 1': [ErrorCode.PROTOCOL_ERROR, setting(Setting.ENABLE_PUSH, 2)],
  '6.5.2: INITIAL_WINDOW_SIZE beyond its maximum': [
    ErrorCode.FLOW_CONTROL_ERROR,
    setting(Setting.INITIAL_WINDOW_SIZE, WINDOW_MAX + 1),
  ],
  '6.5.2: MAX_FRAME_SIZE below its minimum': [ErrorCode.PROTOCOL_ERROR, setting(Setting.MAX_FRAME_SIZE, 16_383)],
  '6.5.2: MAX_FRAME_SIZE beyond its maximum': [ErrorCode.PROTOCOL_ERROR, setting(Setting.MAX_FRAME_SIZE, 2 ** 24)],
  '6.6: PUSH_PROMISE': [ErrorCode.PROTOCOL_ERROR, frame(PUSH_PROMISE, END_HEADERS, 1, uint32(2))],
  '6.7: PING for a stream': [ErrorCode.PROTOCOL_ERROR, frame(PING, 0, 1, Buffer.alloc(8))],
  '6.7: PING of a wrong length': [ErrorCode.FRAME_SIZE_ERROR, frame(PING, 0, 0, Buffer.alloc(7))],
  '6.8: GOAWAY for a stream': [ErrorCode.PROTOCOL_ERROR, frame(GOAWAY, 0, 1, Buffer.alloc(8))],
  '6.9: WINDOW_UPDATE of a wrong length': [ErrorCode.FRAME_SIZE_ERROR, frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(3))],
  '6.9: WINDOW_UPDATE by nothing for the connection': [ErrorCode.PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 0, uint32(0))],
  '6.9.1: the window of the connection beyond its maximum': [
    ErrorCode.FLOW_CONTROL_ERROR,
    frame(WINDOW_UPDATE, 0, 0, uint32(WINDOW_MAX)),
  ],
  '6.9.2: the window of an open stream beyond its maximum by SETTINGS': [
    ErrorCode.FLOW_CONTROL_ERROR,
    open(),
    frame(WINDOW_UPDATE, 0, 1, uint32(2 ** 30)),
    setting(Setting.INITIAL_WINDOW_SIZE, WINDOW_MAX),
  ],
  '6.10: CONTINUATION of nothing': [ErrorCode.PROTOCOL_ERROR, frame(CONTINUATION, END_HEADERS, 1)],
  '10.5: pings without end': [ErrorCode.ENHANCE_YOUR_CALM, ...times(200, () => frame(PING, 0, 0, Buffer.alloc(8)))],
  '10.5: SETTINGS without end': [ErrorCode.ENHANCE_YOUR_CALM, ...times(2000, () => frame(SETTINGS, 0, 0))],
  '10.5: empty DATA without end': [ErrorCode.ENHANCE_YOUR_CALM, open(), ...times(2000, () => frame(DATA, 0, 1))],
  '10.5: PRIORITY without end': [
    ErrorCode.ENHANCE_YOUR_CALM,
    ...times(2000, () => frame(PRIORITY, 0, 1, Buffer.alloc(5))),
  ],
  '10.5: unknown frames without end': [ErrorCode.ENHANCE_YOUR_CALM, ...times(2000, () => frame(UNKNOWN_FRAME, 0, 0))],
  '10.5: streams that are reset without end': [
    ErrorCode.ENHANCE_YOUR_CALM,
    ...times(2000, (i) => Buffer.concat([open(2 * i + 1), frame(RST_STREAM, 0, 2 * i + 1, uint32(8))])),
  ],
  '10.5: streams without end that the server must reset': [
    ErrorCode.ENHANCE_YOUR_CALM,
    ...times(2000, (i) => Buffer.concat([open(2 * i + 1), frame(WINDOW_UPDATE, 0, 2 * i + 1, uint32(0))])),
  ],
  '10.5.1: CONTINUATION without end': [
    ErrorCode.ENHANCE_YOUR_CALM,
    frame(HEADERS, 0, 1, requestBlock()),
    ...times(100, () => frame(CONTINUATION, 0, 1, block([['a', 'b']]))),
  ],
};

/** What ends one stream, and the code that it ends with. */
const STREAM_ERRORS: Readonly<Record<string, readonly [code: number, ...frames: Buffer[]]>> = {
  '5.1: DATA behind the end of the request': [
    ErrorCode.STREAM_CLOSED,
    open(),
    frame(DATA, END_STREAM, 1),
    frame(DATA, 0, 1, Buffer.of(1)),
  ],
  '5.1: trailers behind the end of the request': [ErrorCode.STREAM_CLOSED, whole(), whole()],
  '5.1: DATA for a stream that its sender has reset': [
    ErrorCode.STREAM_CLOSED,
    open(),
    frame(RST_STREAM, 0, 1, uint32(8)),
    frame(DATA, 0, 1, Buffer.of(1)),
  ],
  '5.1.2: more streams than there may be': [ErrorCode.REFUSED_STREAM, open(3), open(5), open(7), open(9), open(1 + 10)],
  '6.3: PRIORITY of a wrong length': [ErrorCode.FRAME_SIZE_ERROR, frame(PRIORITY, 0, 1, Buffer.alloc(4))],
  '6.9: WINDOW_UPDATE by nothing': [ErrorCode.PROTOCOL_ERROR, open(), frame(WINDOW_UPDATE, 0, 1, uint32(0))],
  '6.9.1: the window of a stream beyond its maximum': [
    ErrorCode.FLOW_CONTROL_ERROR,
    open(),
    frame(WINDOW_UPDATE, 0, 1, uint32(WINDOW_MAX)),
  ],
  '6.9.1: more DATA than the window of a stream': [
    ErrorCode.FLOW_CONTROL_ERROR,
    open(),
    ...times(5, () => frame(DATA, 0, 1, Buffer.alloc(16_384))),
  ],
  '8.1: trailers that do not end the request': [ErrorCode.PROTOCOL_ERROR, open(), open()],
  '8.1: trailers with a pseudo-header': [ErrorCode.PROTOCOL_ERROR, open(), whole()],
  '8.1.1: a body that is shorter than it says': [
    ErrorCode.PROTOCOL_ERROR,
    open(1, { 'content-length': '2' }),
    frame(DATA, END_STREAM, 1, Buffer.of(1)),
  ],
  '8.1.1: a length that is none': [ErrorCode.PROTOCOL_ERROR, open(1, { 'content-length': 'a' })],
  '8.2.1: a name in upper case': [ErrorCode.PROTOCOL_ERROR, open(1, { 'X-A': 'b' })],
  '8.2.1: a value with a line feed': [ErrorCode.PROTOCOL_ERROR, open(1, { 'x-a': 'b\nc' })],
  '8.2.2: a header of a connection': [ErrorCode.PROTOCOL_ERROR, open(1, { connection: 'close' })],
  '8.2.2: te with more than trailers': [ErrorCode.PROTOCOL_ERROR, open(1, { te: 'gzip' })],
  '8.3: an unknown pseudo-header': [ErrorCode.PROTOCOL_ERROR, open(1, { ':a': 'b' })],
  '8.3: a pseudo-header behind headers': [
    ErrorCode.PROTOCOL_ERROR,
    open(1, { ':path': undefined, 'x-a': 'b', ':path ': undefined, ':protocol': 'c' }),
  ],
  '8.3.1: no method': [ErrorCode.PROTOCOL_ERROR, open(1, { ':method': undefined })],
  '8.3.1: no scheme': [ErrorCode.PROTOCOL_ERROR, open(1, { ':scheme': undefined })],
  '8.3.1: no path': [ErrorCode.PROTOCOL_ERROR, open(1, { ':path': undefined })],
  '8.3.1: an empty path': [ErrorCode.PROTOCOL_ERROR, open(1, { ':path': '' })],
  '8.3.1: a pseudo-header twice': [
    ErrorCode.PROTOCOL_ERROR,
    frame(HEADERS, END_HEADERS, 1, Buffer.concat([requestBlock(), block([[':path', '/']]).subarray(1)])),
  ],
  '10.5.1: headers beyond their limit': [
    ErrorCode.ENHANCE_YOUR_CALM,
    open(1, { 'x-a': 'a'.repeat(3000), 'x-b': 'b'.repeat(3000) }),
  ],
};

describe('a connection of HTTP/2 whose peer breaks a rule of RFC 9113', () => {
  let server: FramedServer;
  let client: FrameClient;
  let held: CallStream[];

  before(async () => {
    server = await startFramed((stream) => held.push(stream), { streamsPerConnectionMax: 4, metadataBytesMax: 2048 });
  });

  beforeEach(() => {
    held = [];
    client = new FrameClient(server.port);
  });

  afterEach(() => client.close());

  after(() => server.close());

  for (const [title, [code, ...frames]] of Object.entries(CONNECTION_ERRORS)) {
    it(`is ended for ${title}`, async () => {
      client.greet().send(...frames);

      const { payload } = await client.wait(({ type }) => type === GOAWAY);
      await client.hungUp();

      expect(payload.readUInt32BE(4)).to.equal(code);
    });
  }

  for (const [title, [code, ...frames]] of Object.entries(STREAM_ERRORS)) {
    it(`loses one stream for ${title}`, async () => {
      client.greet().send(...frames);

      const { payload } = await client.wait(({ type }) => type === RST_STREAM);
      client.send(frame(PING, 0, 0, Buffer.from('at peace')));
      await client.wait(({ type, flags }) => type === PING && flags === ACK);

      expect(payload.readUInt32BE(0)).to.equal(code);
    });
  }

  it('is ended where it does not begin as HTTP/2, before the preface is whole', async () => {
    client.send(Buffer.from('GET / HT'));

    expect((await client.wait(({ type }) => type === GOAWAY)).payload.readUInt32BE(4)).to.equal(
      ErrorCode.PROTOCOL_ERROR,
    );
    await client.hungUp();
  });

  it('is ended where it does not begin with SETTINGS', async () => {
    client.send(PREFACE, frame(PING, 0, 0, Buffer.alloc(8)));

    expect((await client.wait(({ type }) => type === GOAWAY)).payload.readUInt32BE(4)).to.equal(
      ErrorCode.PROTOCOL_ERROR,
    );
  });

  it('tells the calls that ran when it ends', async () => {
    client.greet().send(open());
    client.send(frame(PING, 0, 0, Buffer.alloc(8)));
    await client.wait(({ type }) => type === PING);
    const closed = new Promise<void>((resolve) => held[0]?.onClose(resolve));
    client.send(frame(DATA, 0, 0));

    await closed;
    expect(held[0]?.body.isBrokenOff).to.equal(true);
  });

  it('ignores what is sent for a stream that the server has cut, and what is not known', async () => {
    client.greet().send(open(1, { 'X-A': 'b' }), frame(DATA, 0, 1, Buffer.of(1)), whole(1));
    client.send(frame(UNKNOWN_FRAME, 0, 0, Buffer.alloc(3)), setting(0x99, 1), whole(3));
    client.send(frame(PING, 0, 0, Buffer.alloc(8)));
    await client.wait(({ type }) => type === PING);

    expect(client.frames.filter(({ type }) => type === GOAWAY || type === RST_STREAM)).to.have.length(1);
    expect(held).to.have.length(1);
  });

  it('begins no call for a stream that is reset in the same breath', async () => {
    client.greet().send(open(), frame(RST_STREAM, 0, 1, uint32(8)), frame(PING, 0, 0, Buffer.alloc(8)));
    await client.wait(({ type }) => type === PING);

    expect(held).to.deep.equal([]);
  });
});

describe('a connection of HTTP/2 whose peer does not read', () => {
  it('is not listened to until it reads, and then loses nothing', async () => {
    const metadata = new CallMetadata();
    metadata.add('x-a', 'a'.repeat(ANSWER_BYTES));
    let answered = 0;
    // Flow control holds no headers back.
    const answer = (stream: CallStream) => {
      answered += 1;
      stream.answer({ responseMetadata: metadata }).end(undefined);
    };
    const server = await startFramed(answer, { streamsPerConnectionMax: CALLS });
    const client = new FrameClient(server.port);
    try {
      client.socket.pause();
      client.greet().send(...times(CALLS, (i) => whole(2 * i + 1)));
      await settle(() => answered);

      expect(answered).to.be.lessThan(CALLS);
      client.socket.resume();
      await client.wait(({ type, flags, streamId }) => {
        return type === HEADERS && (flags & END_STREAM) !== 0 && streamId === 2 * CALLS - 1;
      });
      expect(answered).to.equal(CALLS);
    } finally {
      client.close();
      server.close();
    }
  }).timeout(30_000);
});

/** Settles when a number has stopped to grow. */
async function settle(read: () => number): Promise<void> {
  for (let last = -1; last !== read();) {
    last = read();
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
}
