import { expect } from 'chai';
import { ErrorCode, Flag, FrameType, STREAM_ID_MAX } from '../../src/rpc/framed/protocol.js';
import type { CallStream } from '../../src/rpc/grpc/call-stream.js';
import { CallMetadata } from '../../src/rpc/metadata.js';
import { frame, FrameClient, requestBlock, startFramed, type FramedServer } from '../support/frame-client.js';

const { HEADERS, RST_STREAM, PING, GOAWAY } = FrameType;
const WHOLE = Flag.END_HEADERS | Flag.END_STREAM;
const KEEPALIVE = Buffer.from('keepaliv');

const open = (streamId: number) => frame(HEADERS, WHOLE, streamId, requestBlock());

describe('a connection of HTTP/2 that the server leaves', () => {
  let server: FramedServer;
  let client: FrameClient;
  let held: CallStream[];

  beforeEach(async () => {
    held = [];
    server = await startFramed((stream) => held.push(stream));
    client = new FrameClient(server.port);
    client.greet();
  });

  afterEach(() => {
    client.close();
    server.close();
  });

  const isPong = ({ type, flags }: { type: number; flags: number }) => type === PING && flags === Flag.ACK;

  /** Settles when all that was sent before has been taken, and its calls have begun. */
  async function keepAlive(): Promise<void> {
    const before = client.frames.length;
    client.send(frame(PING, 0, 0, KEEPALIVE));
    await client.wait((received) => isPong(received) && client.frames.indexOf(received) >= before);
  }

  /** Says what a client says that has taken the first GOAWAY, and settles with the last one. */
  async function takeLeave() {
    server.connections[0]?.goAway();
    const { payload } = await client.wait(({ type, flags }) => type === PING && flags === 0);
    client.send(frame(PING, Flag.ACK, 0, payload));
    return client.wait(({ type, payload: said }) => type === GOAWAY && said.readUInt32BE(0) < STREAM_ID_MAX);
  }

  it('answers keepalive pings behind GOAWAY, and the calls that it has taken', async () => {
    client.send(open(1));
    await keepAlive();
    const { payload } = await takeLeave();
    await keepAlive();
    await keepAlive();
    held[0]?.answer({ responseMetadata: new CallMetadata() }).succeedWith(Buffer.from('answer'));
    await client.wait(({ type, flags, streamId }) => type === HEADERS && streamId === 1 && (flags & WHOLE) === WHOLE);
    await client.hungUp();

    expect([payload.readUInt32BE(0), payload.readUInt32BE(4)]).to.deep.equal([1, ErrorCode.NO_ERROR]);
    expect(client.frames.filter(({ type }) => type === RST_STREAM)).to.deep.equal([]);
  });

  it('takes the call that was on its way when it said GOAWAY first', async () => {
    client.send(open(1));
    await keepAlive();
    server.connections[0]?.goAway();
    await client.wait(({ type }) => type === GOAWAY);
    client.send(open(3));
    await keepAlive();

    expect(held).to.have.length(2);
  });

  it('begins no call behind the last GOAWAY, which tells a client that it may safely ask elsewhere', async () => {
    client.send(open(1));
    await keepAlive();
    const { payload } = await takeLeave();
    client.send(open(3));
    await keepAlive();

    expect(payload.readUInt32BE(0)).to.equal(1);
    expect(held).to.have.length(1);
    expect(client.frames.filter(({ streamId }) => streamId === 3)).to.deep.equal([]);
  });
});
