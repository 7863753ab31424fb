import { expect } from 'chai';
import {
  ErrorCode,
  Flag,
  FrameType,
  READ_WINDOW_BYTES,
  RECEIVE_WINDOW_BYTES,
  Setting,
} from '../../src/rpc/framed/protocol.js';
import type { CallStream } from '../../src/rpc/grpc/call-stream.js';
import { frame, FrameClient, requestBlock, startFramed, type FramedServer } from '../support/frame-client.js';

const { DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE } = FrameType;
const WINDOW_BYTES_BEFORE = 65_535;
const PIECE_BYTES = 4096;

const open = frame(HEADERS, Flag.END_HEADERS, 1, requestBlock());
const settingsAck = frame(SETTINGS, Flag.ACK, 0);
const data = (bytes: number) => {
  const pieces = Array.from({ length: Math.floor(bytes / PIECE_BYTES) }, () => PIECE_BYTES);
  return [...pieces, bytes % PIECE_BYTES].map((length) => frame(DATA, 0, 1, Buffer.alloc(length)));
};

describe('a connection of HTTP/2, of whose streams the peer sends as much as it may', () => {
  let server: FramedServer;
  let client: FrameClient;
  let stream: Promise<CallStream>;

  beforeEach(async () => {
    let hold: (stream: CallStream) => void;
    stream = new Promise((resolve) => (hold = resolve));
    server = await startFramed((opened) => hold(opened));
    client = new FrameClient(server.port);
  });

  afterEach(() => {
    client.close();
    server.close();
  });

  /** Settles when the server has taken all that was sent, and gives the codes of the streams that it has reset. */
  async function resets(): Promise<number[]> {
    const before = client.frames.length;
    client.send(frame(PING, 0, 0, Buffer.alloc(8)));
    await client.wait((received) => received.type === PING && client.frames.indexOf(received) >= before);
    return client.frames.filter(({ type }) => type === RST_STREAM).map(({ payload }) => payload.readUInt32BE(0));
  }

  const widenedBy = () =>
    client.frames
      .filter(({ type, streamId }) => type === WINDOW_UPDATE && streamId === 1)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);

  it('announces the window of a stream that nobody reads', async () => {
    const { payload } = await client.greet().wait(({ type, flags }) => type === SETTINGS && flags === 0);

    const settings = new Map<number, number>();
    for (let at = 0; at < payload.length; at += 6) settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    expect(settings.get(Setting.INITIAL_WINDOW_SIZE)).to.equal(RECEIVE_WINDOW_BYTES);
  });

  it('takes as much as HTTP/2 begins with until the peer has taken the settings', async () => {
    client.greet().send(open, ...data(WINDOW_BYTES_BEFORE));
    expect(await resets()).to.deep.equal([]);

    client.send(settingsAck, ...data(1));
    expect(await resets()).to.deep.equal([ErrorCode.FLOW_CONTROL_ERROR]);
  });

  it('takes the smaller window, and not a byte more, once the peer has taken the settings', async () => {
    client.greet().send(settingsAck, open, ...data(RECEIVE_WINDOW_BYTES));
    expect(await resets()).to.deep.equal([]);

    client.send(...data(1));
    expect(await resets()).to.deep.equal([ErrorCode.FLOW_CONTROL_ERROR]);
  });

  it('widens no window while nobody takes what came', async () => {
    client.greet().send(settingsAck, open, ...data(RECEIVE_WINDOW_BYTES));
    const pieces = (await stream).body.pieces()[Symbol.asyncIterator]();
    await pieces.next();

    await resets();
    expect(widenedBy()).to.equal(0);
  });

  it('widens the window of a body that is read as fast as it comes', async () => {
    client.greet().send(settingsAck, open);
    (await stream).body.read({ piece: () => undefined, end: () => undefined, breakOff: () => undefined });
    client.send(...data(RECEIVE_WINDOW_BYTES / 2));

    await resets();
    expect(widenedBy()).to.equal(READ_WINDOW_BYTES - RECEIVE_WINDOW_BYTES / 2);
  });

  it('widens the window of a request stream that is read on and on, and gives back what it takes', async () => {
    client.greet().send(settingsAck, open);
    void readAll(await stream);
    for (let sent = 0; sent < 4 * READ_WINDOW_BYTES;) {
      const may = RECEIVE_WINDOW_BYTES + widenedBy() - sent;
      client.send(...data(may));
      sent += may;
      // The reader takes all that came before the first answer, and gives back the window before the second.
      expect([...(await resets()), ...(await resets())]).to.deep.equal([]);
      expect(RECEIVE_WINDOW_BYTES + widenedBy() - sent).to.be.greaterThan(RECEIVE_WINDOW_BYTES / 2);
    }

    expect(widenedBy()).to.be.greaterThan(4 * READ_WINDOW_BYTES + READ_WINDOW_BYTES / 2 - RECEIVE_WINDOW_BYTES);
  });
});

async function readAll({ body }: CallStream): Promise<number> {
  let bytes = 0;
  for await (const piece of body.pieces()) bytes += piece.length;
  return bytes;
}
