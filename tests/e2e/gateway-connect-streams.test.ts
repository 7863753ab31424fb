import { expect } from 'chai';
import { ServiceError } from '../../src/rpc/errors.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import {
  BODY_BYTES_MAX,
  closeGatewaysApart,
  startGateway,
  type Recorder,
  type RunningGateway,
} from './gateway-harness.js';

const WATCH = '/fixtures.v1.ThingWatcher/WatchThings';
const NAMED_A = Buffer.from([0x0a, 1, 0x61]);
const NAMED_B = Buffer.from([0x0a, 1, 0x62]);

function frame(message: string | Buffer, flags = 0): Buffer {
  const payload = Buffer.from(message);
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

interface Frame {
  readonly flags: number;
  readonly payload: Buffer;
}

function parse(body: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < body.length; at += 5 + body.readUInt32BE(at + 1)) {
    frames.push({ flags: body.readUInt8(at), payload: body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1)) });
  }
  return frames;
}

describe('the HTTP gateway, given a stream of the Connect protocol', () => {
  onEachGateway((kind) => {
    after(closeGatewaysApart);
    const isApart = kind === 'in front of the server';
    let running: RunningGateway;
    let recorder: Recorder;

    beforeEach(async () => {
      running = await startGateway(['ThingService', 'ThingWatcher']);
      ({ recorder } = running);
      recorder.answerMany = async function* () {
        yield await Promise.resolve(NAMED_A);
        yield NAMED_B;
      };
    });

    afterEach(() => running.gateway.close(0));

    async function watch(body: Buffer, headers: Record<string, string> = {}) {
      const all = { 'content-type': 'application/connect+json', 'connect-protocol-version': '1', ...headers };
      const init = { method: 'POST', body: new Uint8Array(body), headers: all };
      const response = await fetch(`${running.base}${WATCH}`, init);
      const bytes = Buffer.from(await response.arrayBuffer());
      return {
        status: response.status,
        headers: response.headers,
        frames: response.status === 200 ? parse(bytes) : [],
      };
    }

    it('takes and gives JSON in frames, and says in the last one that all went well', async () => {
      const { status, headers, frames } = await watch(frame('{"resumeToken":"t"}'), { 'connect-timeout-ms': '20000' });
      expect(status).to.equal(200);
      expect(headers.get('content-type')).to.equal('application/connect+json');
      expect(frames.map(({ flags, payload }) => [flags, payload.toString()])).to.deep.equal([
        [0, '{"name":"a"}'],
        [0, '{"name":"b"}'],
        [2, '{}'],
      ]);
      expect(recorder.calls[0]).to.deep.include({ method: 'WatchThings', request: { resumeToken: 't' } });
      expect(recorder.calls[0]?.call.timeoutMs).to.be.within(isApart ? 1 : 20_000, 20_000);
    });

    it('takes and gives bytes as they are', async () => {
      const { headers, frames } = await watch(frame(''), { 'content-type': 'application/connect+proto' });
      expect(headers.get('content-type')).to.equal('application/connect+proto');
      expect(frames.map(({ payload }) => payload).slice(0, 2)).to.deep.equal([NAMED_A, NAMED_B]);
    });

    it('tells of a failure in the last frame', async () => {
      recorder.answerMany = async function* () {
        yield await Promise.resolve(NAMED_A);
        throw new ServiceError('SERVER_DRAINING', 'Server is shutting down');
      };
      const { status, frames } = await watch(frame('{}'));
      expect(status).to.equal(200);
      expect(frames.map(({ flags }) => flags)).to.deep.equal([0, 2]);
      const end = JSON.parse(frames[1]?.payload.toString() ?? '') as object;
      expect(end).to.have.nested.property('error.code', 'unavailable');
      expect(end).to.have.nested.property('error.details[0].type', 'google.rpc.ErrorInfo');
    });

    const refused: readonly (readonly [what: string, body: Buffer, headers: Record<string, string>, code: string])[] = [
      ['no frame', Buffer.alloc(0), {}, 'unimplemented'],
      ['half a frame', frame('{}').subarray(0, 6), {}, 'invalid_argument'],
      ['two frames', Buffer.concat([frame('{}'), frame('{}')]), {}, 'unimplemented'],
      ['malformed JSON', frame('{'), {}, 'invalid_argument'],
      ['a compressed frame without a word on how', frame('{}', 1), {}, 'internal'],
      ['an unknown compression', frame('{}'), { 'connect-content-encoding': 'zstd' }, 'unimplemented'],
      ['a version of the future', frame('{}'), { 'connect-protocol-version': '2' }, 'invalid_argument'],
      ['a malformed timeout', frame('{}'), { 'connect-timeout-ms': 'x' }, 'invalid_argument'],
      ['a message that is too large', frame(Buffer.alloc(BODY_BYTES_MAX + 1)), {}, 'resource_exhausted'],
    ];
    for (const [what, body, headers, code] of refused) {
      it(`refuses ${what}`, async () => {
        const { status, frames } = await watch(body, headers);
        expect(status).to.equal(200);
        expect(frames.map(({ flags }) => flags)).to.deep.equal([2]);
        expect(JSON.parse(frames[0]?.payload.toString() ?? '')).to.have.nested.property('error.code', code);
        expect(recorder.calls).to.have.length(0);
      });
    }

    it('answers 415 to a unary form', async () => {
      const { status, headers } = await watch(Buffer.from('{}'), { 'content-type': 'application/json' });
      expect(status).to.equal(415);
      expect(headers.get('accept-post')).to.include('application/connect+json');
    });
  });
});
