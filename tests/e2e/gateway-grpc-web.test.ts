import { fromBinary } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { ServiceError } from '../../src/rpc/errors.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import {
  BODY_BYTES_MAX,
  closeGatewaysApart,
  startGateway,
  type Recorder,
  type RunningGateway,
} from './gateway-harness.js';

const GET = '/fixtures.v1.ThingService/GetThing';
const WATCH = '/fixtures.v1.ThingWatcher/WatchThings';
/** Messages with the name "a" and "b". */
const NAMED_A = Buffer.from([0x0a, 1, 0x61]);
const NAMED_B = Buffer.from([0x0a, 1, 0x62]);

function frame(message: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

interface WebAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly messages: readonly Buffer[];
  readonly trailers: ReadonlyMap<string, string>;
}

/** Takes an answer apart as a client does. */
function parse(response: Response, body: Buffer): WebAnswer {
  const messages: Buffer[] = [];
  const trailers = new Map<string, string>();
  for (let at = 0; at < body.length;) {
    const payload = body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1));
    if (body.readUInt8(at) === 0x80) {
      for (const line of payload.toString().trimEnd().split('\r\n')) {
        trailers.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2));
      }
    } else {
      messages.push(payload);
    }
    at += 5 + payload.length;
  }
  return { status: response.status, headers: response.headers, messages, trailers };
}

describe('the HTTP gateway, given a call of gRPC-Web', () => {
  onEachGateway((kind) => {
    after(closeGatewaysApart);
    const isApart = kind === 'in front of the server';
    let running: RunningGateway;
    let recorder: Recorder;

    beforeEach(async () => {
      running = await startGateway(['ThingService', 'ThingWatcher']);
      ({ recorder } = running);
    });

    afterEach(() => running.gateway.close(0));

    async function call(path: string, body: Buffer, headers: Record<string, string> = {}): Promise<WebAnswer> {
      const init = {
        method: 'POST',
        body: new Uint8Array(body),
        headers: { 'content-type': 'application/grpc-web+proto', ...headers },
      };
      const response = await fetch(`${running.base}${path}`, init);
      return parse(response, Buffer.from(await response.arrayBuffer()));
    }

    async function callText(path: string, body: string): Promise<WebAnswer> {
      const init = {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/grpc-web-text', 'grpc-timeout': '20000m' },
      };
      const response = await fetch(`${running.base}${path}`, init);
      expect(response.headers.get('content-type')).to.equal('application/grpc-web-text+proto');
      const pieces = (await response.text()).match(/[A-Za-z0-9+/]+={0,2}/g) ?? [];
      return parse(response, Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))));
    }

    it('takes and gives messages in frames, and ends with the status', async () => {
      for (const type of ['application/grpc-web', 'application/grpc-web+proto']) {
        const answer = await call(GET, frame(NAMED_A), { 'content-type': type, color: 'red' });
        expect(answer.status).to.equal(200);
        expect(answer.headers.get('content-type')).to.equal('application/grpc-web+proto');
        expect(answer.messages).to.deep.equal([NAMED_A]);
        expect([...answer.trailers]).to.deep.equal([['grpc-status', '0']]);
      }
      expect(recorder.calls[0]).to.deep.include({ method: 'GetThing', request: { name: 'a' } });
      expect(recorder.calls[0]?.call.metadata.get('color')).to.equal('red');
    });

    it('takes and gives text, padded wherever it was', async () => {
      const whole = frame(NAMED_A);
      const inPieces = `${whole.subarray(0, 4).toString('base64')}${whole.subarray(4).toString('base64')}`;
      for (const body of [whole.toString('base64'), inPieces]) {
        const answer = await callText(GET, body);
        expect(answer.messages).to.deep.equal([NAMED_A]);
        expect(answer.trailers.get('grpc-status')).to.equal('0');
      }
      expect(recorder.calls[0]?.call.timeoutMs).to.be.within(isApart ? 1 : 20_000, 20_000);
    });

    it('gives a stream, in binary and as text', async () => {
      recorder.answerMany = async function* () {
        yield await Promise.resolve(NAMED_A);
        yield NAMED_B;
      };
      for (const answer of [
        await call(WATCH, frame(Buffer.alloc(0))),
        await callText(WATCH, frame(Buffer.alloc(0)).toString('base64')),
      ]) {
        expect(answer.messages).to.deep.equal([NAMED_A, NAMED_B]);
        expect(answer.trailers.get('grpc-status')).to.equal('0');
      }
    });

    it('tells of a failure at the end, with all its details', async () => {
      const failure = new ServiceError('RESOURCE_NOT_FOUND', 'Cannot get "ä%"');
      recorder.answer = () => Promise.reject(failure);
      recorder.answerMany = async function* () {
        yield await Promise.resolve(NAMED_A);
        throw failure;
      };
      for (const [path, messages] of [
        [GET, []],
        [WATCH, [NAMED_A]],
      ] as const) {
        const answer = await call(path, frame(NAMED_A));
        expect(answer.status).to.equal(200);
        expect(answer.messages).to.deep.equal(messages);
        expect(answer.trailers.get('grpc-status')).to.equal('5');
        expect(answer.trailers.get('grpc-message')).to.equal('Cannot get "%C3%A4%25"');
        const schema = fixtureRegistry().getMessage('google.rpc.Status');
        const details = Buffer.from(answer.trailers.get('grpc-status-details-bin') ?? '', 'base64');
        if (schema === undefined) throw new Error('The fixtures have no google.rpc.Status');
        expect(fromBinary(schema, details)).to.include({ code: 5, message: 'Cannot get "ä%"' });
      }
    });

    const refused: readonly (readonly [what: string, body: Buffer, status: string])[] = [
      ['no frame', Buffer.alloc(0), '12'],
      ['half a frame', frame(NAMED_A).subarray(0, 6), '3'],
      ['two frames', Buffer.concat([frame(NAMED_A), frame(NAMED_A)]), '12'],
      ['a frame of trailers', frame(NAMED_A, 0x80), '3'],
      ['a compressed frame without a word on how', frame(NAMED_A, 1), '13'],
      ['a message that is too large', frame(Buffer.alloc(BODY_BYTES_MAX + 1)), '8'],
    ];
    for (const [what, body, status] of refused) {
      it(`refuses ${what}`, async () => {
        const answer = await call(GET, body);
        expect(answer.status).to.equal(200);
        expect(answer.trailers.get('grpc-status')).to.equal(status);
        expect(recorder.calls).to.have.length(0);
      });
    }

    it('refuses text that is no base64', async () => {
      for (const body of ['!', 'AAA', 'AAAAAAMK*WE=']) {
        expect((await callText(GET, body)).trailers.get('grpc-status'), body).to.equal('3');
      }
    });

    it('takes a message as large as the limit', async () => {
      const name = Buffer.concat([Buffer.from([0x0a, 0xe5, 0x07]), Buffer.alloc(BODY_BYTES_MAX - 3, 'x')]);
      expect((await call(GET, frame(name))).messages).to.deep.equal([name]);
      expect((await callText(GET, frame(name).toString('base64'))).messages).to.deep.equal([name]);
    });

    it('answers 415 to forms that it does not have', async () => {
      for (const type of ['application/grpc-web+thrift', 'application/grpc+proto']) {
        const init = { method: 'POST', headers: { 'content-type': type } };
        expect((await running.call(GET, init)).status, type).to.equal(415);
      }
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
      expect((await running.call(WATCH, init)).status, 'a stream by unary Connect').to.equal(415);
    });

    it('ends the call when its client goes away', async () => {
      let isEnded = false;
      recorder.answerMany = async function* (incoming) {
        yield NAMED_A;
        await new Promise((resolve) => incoming.signal.addEventListener('abort', () => resolve(undefined)));
        isEnded = true;
      };
      const init = {
        method: 'POST',
        body: new Uint8Array(frame(Buffer.alloc(0))),
        headers: { 'content-type': 'application/grpc-web' },
      };
      const response = await fetch(`${running.base}${WATCH}`, init);
      await response.body?.cancel();
      while (!isEnded) await new Promise((resolve) => setImmediate(resolve));
    });
  });
});
