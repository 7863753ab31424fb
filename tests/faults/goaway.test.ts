import { expect } from 'chai';
import { ErrorCode, Flag, FrameType, STREAM_ID_MAX } from '../../src/rpc/framed/protocol.js';
import { toFrame } from '../../src/rpc/grpc/frames.js';
import { deferred, type Deferred } from '../support/deferred.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { frame, FrameClient, type ReceivedFrame, requestBlock } from '../support/frame-client.js';
import { onEachTransport } from '../support/on-each-transport.js';

const { DATA, HEADERS, RST_STREAM, PING, GOAWAY } = FrameType;
const { say } = EchoServiceDefinition.methods;
const KEEPALIVE = Buffer.from('keepaliv');

/** A whole call, which says the number of its stream. */
const call = (streamId: number) => {
  const headers = { ':path': '/echo.v1.EchoService/Say', 'content-type': 'application/grpc', te: 'trailers' };
  return Buffer.concat([
    frame(HEADERS, Flag.END_HEADERS, streamId, requestBlock(headers)),
    frame(DATA, Flag.END_STREAM, streamId, toFrame(say.requestType.encode(words(String(streamId))).finish())),
  ]);
};

describe('a server that leaves its connections', () =>
  onEachTransport(() => {
    let server: EchoServer;
    let client: FrameClient;
    let begun: Deferred<void>;
    let release: Deferred<void>;
    let calls: string[];

    beforeEach(async () => {
      begun = deferred();
      release = deferred();
      calls = [];
      server = await startEchoServer();
      server.handlers.say = async (_ctx, { text }) => {
        calls.push(text);
        begun.resolve();
        await release.promise;
        return words(text);
      };
      client = new FrameClient(Number(server.address.split(':')[1]));
      client.greet().send(call(1));
      await begun.promise;
    });

    afterEach(async () => {
      release.resolve();
      client.close();
      await server.close();
    });

    async function keepAlive(): Promise<void> {
      const before = client.frames.length;
      client.send(frame(PING, 0, 0, KEEPALIVE));
      await client.wait((received) => received.payload.equals(KEEPALIVE) && client.frames.indexOf(received) >= before);
    }

    /** Says what a client says that has heard GOAWAY, and gives the last of the streams that the server takes. */
    async function takeLeave(): Promise<number> {
      const lastId = ({ payload }: ReceivedFrame) => payload.readUInt32BE(0);
      const first = await client.wait(({ type }) => type === GOAWAY);
      expect(first.payload.readUInt32BE(4)).to.equal(ErrorCode.NO_ERROR);
      if (lastId(first) < STREAM_ID_MAX) return lastId(first);
      const { payload } = await client.wait(({ type, flags }) => type === PING && flags === 0);
      client.send(frame(PING, Flag.ACK, 0, payload));
      return lastId(await client.wait((received) => received.type === GOAWAY && lastId(received) < STREAM_ID_MAX));
    }

    /** The streams whose calls have been answered to their end. */
    const answered = () =>
      client.frames
        .filter(({ type, flags }) => type === HEADERS && (flags & Flag.END_STREAM) !== 0)
        .map(({ streamId }) => streamId);

    const reset = () => client.frames.filter(({ type }) => type === RST_STREAM).map(({ streamId }) => streamId);

    it('answers keepalive pings and the calls that it has taken, and then hangs up', async () => {
      server.goAway();
      expect(await takeLeave()).to.equal(1);
      await keepAlive();
      await keepAlive();
      release.resolve();
      await client.hungUp();

      expect(answered()).to.deep.equal([1]);
      expect(reset()).to.deep.equal([]);
    });

    it('begins no call behind the last GOAWAY, which tells a client that it may safely ask elsewhere', async () => {
      server.goAway();
      expect(await takeLeave()).to.equal(1);
      client.send(call(3));
      await keepAlive();
      release.resolve();
      await client.hungUp();

      expect(calls).to.deep.equal(['1']);
      expect(client.frames.filter(({ streamId }) => streamId === 3)).to.deep.equal([]);
    });

    it('answers a call that was on its way, or has said that it takes none', async () => {
      client.send(call(3));
      server.goAway();
      const taken = (await takeLeave()) >= 3 ? [1, 3] : [1];
      await keepAlive();
      release.resolve();
      await client.hungUp();

      expect(answered()).to.deep.equal(taken);
      expect(calls).to.deep.equal(taken.map(String));
    });
  }));
