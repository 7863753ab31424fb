import { create, toBinary, type Message } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { IncomingCall } from '../../src/rpc/call.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import { shortestMs } from '../support/shortest.js';
import { aMethod } from '../unit/gateway/fixture.js';
import { closeGatewaysApart, startGateway, type Recorder, type RunningGateway } from './gateway-harness.js';

interface Change {
  readonly name?: string;
  readonly resumeToken?: string;
}

type Handler = (call: IncomingCall) => AsyncIterable<Change>;

const BODY_BYTES_MAX = 20_000;
const PASSED_ON_MS_MAX = 50;
const SHORT_TIMES = { firstMessageWaitMs: 30, heartbeatMs: 30 };

function encodeChange(change: Change): Uint8Array {
  const schema = aMethod('ThingWatcher', 'WatchThings').descriptor.output;
  return toBinary(schema, create(schema, change as never) as Message);
}

describe('the HTTP gateway, given a server stream', () => {
  onEachGateway(() => {
    after(closeGatewaysApart);
    let handle: Handler;
    let ended: { count: number };
    let running: RunningGateway;
    let recorder: Recorder;
    let base: string;
    let port: number;

    beforeEach(async () => {
      const own = { count: 0 };
      ended = own;
      running = await startGateway(['ThingWatcher', 'FileService'], {
        bodyBytesMax: BODY_BYTES_MAX,
        ...SHORT_TIMES,
      });
      ({ recorder, base, port } = running);
      recorder.answerMany = async function* (call) {
        try {
          for await (const change of handle(call)) yield encodeChange(change);
        } finally {
          own.count += 1;
        }
      };
    });

    afterEach(() => running.gateway.close(0));

    const lastCall = () => recorder.calls.at(-1)?.call;

    async function watch(accept?: string, { path = '/v1/things:watch', headers = {}, method = 'GET' } = {}) {
      const init = { method, headers: { ...headers, ...(accept === undefined ? {} : { accept }) } };
      const response = await fetch(`${base}${path}`, init);
      return { status: response.status, headers: response.headers, text: await response.text() };
    }

    async function* changes(...names: string[]): AsyncGenerator<Change> {
      for (const name of names) yield await Promise.resolve({ name, resumeToken: `t-${name}` });
    }

    async function* brokenChanges(...names: string[]): AsyncGenerator<Change> {
      yield* changes(...names);
      throw new ServiceError('SERVER_DRAINING', 'Server is shutting down', { retryDelayMs: 1000 });
    }

    const error = {
      code: 503,
      message: 'Server is shutting down',
      status: 'UNAVAILABLE',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'SERVER_DRAINING', domain: 'keelson' },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' },
      ],
    };
    const one = { name: 'a', resumeToken: 't-a' };
    const two = { name: 'b', resumeToken: 't-b' };

    it('writes a JSON array, each message on its own line, where nothing special is asked for', async () => {
      handle = () => changes('a', 'b');
      const { status, headers, text } = await watch();
      expect(status).to.equal(200);
      expect(headers.get('content-type')).to.match(/^application\/json/);
      expect(text).to.equal(`[${JSON.stringify(one)}\n,${JSON.stringify(two)}\n]\n`);
      expect(JSON.parse(text)).to.deep.equal([one, two]);
    });

    it('writes an empty array for an empty stream', async () => {
      handle = () => changes();
      expect((await watch()).text).to.equal('[]\n');
    });

    it('writes one JSON document a line on request', async () => {
      handle = () => changes('a', 'b');
      const { headers, text } = await watch('application/x-ndjson');
      expect(headers.get('content-type')).to.match(/^application\/x-ndjson/);
      expect(text).to.equal(`${JSON.stringify(one)}\n${JSON.stringify(two)}\n`);
    });

    it('writes server-sent events on request, with a last one that says that it is the last', async () => {
      handle = () => changes('a', 'b');
      const { headers, text } = await watch('text/event-stream');
      expect(headers.get('content-type')).to.match(/^text\/event-stream/);
      expect(text.split('\n\n')).to.deep.equal([
        'retry: 2000',
        `id: t-a\ndata: ${JSON.stringify(one)}`,
        `id: t-b\ndata: ${JSON.stringify(two)}`,
        'event: end\ndata: {}',
        '',
      ]);
    });

    it('gives only the field that the contract names', async () => {
      handle = () => changes('a', '');
      expect((await watch(undefined, { path: '/v1/things:watchNames' })).text).to.equal('["a"\n,""\n]\n');
    });

    it('gives a failure before the first message its true status', async () => {
      handle = () => brokenChanges();
      for (const accept of [undefined, 'application/x-ndjson', 'text/event-stream']) {
        const { status, headers, text } = await watch(accept);
        expect(status).to.equal(503);
        expect(headers.get('retry-after')).to.equal('1');
        expect(JSON.parse(text)).to.deep.equal({ error });
      }
    });

    it('ends with a frame that tells of a failure after the first message', async () => {
      handle = () => brokenChanges('a');
      expect(JSON.parse((await watch()).text)).to.deep.equal([one, { error }]);
      const lines = (await watch('application/x-ndjson')).text.trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line) as unknown)).to.deep.equal([one, { error }]);
      expect((await watch('text/event-stream')).text).to.include(
        `\n\nretry: 1000\nevent: error\ndata: ${JSON.stringify({ error })}\n\n`,
      );
    });

    it('begins a stream that is only quiet even where it has nothing to write yet', async () => {
      let finish: (() => void) | undefined;
      handle = async function* () {
        await new Promise<void>((resolve) => (finish = resolve));
        yield* changes('a');
      };
      const response = await fetch(`${base}/v1/things:watch`, { headers: { accept: 'application/x-ndjson' } });
      finish?.();
      expect(JSON.parse(await response.text())).to.deep.equal(one);
    });

    it('resumes after the last event that a browser has seen', async () => {
      handle = () => changes('a');
      await watch('text/event-stream', {
        path: '/v1/things:watch?resumeToken=old',
        headers: { 'last-event-id': 't-7' },
      });
      expect(recorder.calls.map(({ request }) => request)).to.deep.equal([{ resumeToken: 't-7' }]);
    });

    it('passes each message on at once', async () => {
      const measure = async () => {
        let yieldedMs = 0;
        handle = async function* (call) {
          yieldedMs = performance.now();
          yield { name: 'a' };
          await once(call.signal as AbortSignal, 'abort');
        };
        const response = await fetch(`${base}/v1/things:watch`, { headers: { accept: 'application/x-ndjson' } });
        const reader = response.body?.getReader();
        const chunk = await reader?.read();
        const tookMs = performance.now() - yieldedMs;
        expect(Buffer.from(chunk?.value ?? []).toString()).to.equal('{"name":"a"}\n');
        await reader?.cancel();
        return tookMs;
      };
      expect(await shortestMs(PASSED_ON_MS_MAX, measure)).to.be.lessThan(PASSED_ON_MS_MAX);
    });

    it('compresses a stream without holding a message back', async () => {
      handle = async function* (call) {
        yield { name: 'a' };
        await once(call.signal as AbortSignal, 'abort');
      };
      const headers = { accept: 'application/x-ndjson', 'accept-encoding': 'br' };
      const response = await fetch(`${base}/v1/things:watch`, { headers });
      expect(response.headers.get('content-encoding')).to.equal('br');
      const reader = response.body?.getReader();
      const chunk = await reader?.read();
      expect(Buffer.from(chunk?.value ?? []).toString()).to.equal('{"name":"a"}\n');
      await reader?.cancel();
      while (ended.count === 0) await new Promise((resolve) => setImmediate(resolve));
    });

    it('ends the call when its client goes away', async () => {
      handle = async function* (call) {
        yield { name: 'a' };
        await once(call.signal as AbortSignal, 'abort');
        throw new ServiceError('CALL_CANCELLED', 'Gone');
      };
      const response = await fetch(`${base}/v1/things:watch`);
      await response.body?.cancel();
      while (ended.count === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(lastCall()?.signal.aborted).to.equal(true);
    });

    it('ends the call of a file whose first message cannot be read', async () => {
      let isEnded = false;
      recorder.answerMany = async function* (call) {
        try {
          yield await Promise.resolve(Buffer.from([0xff]));
          await once(call.signal as AbortSignal, 'abort');
        } finally {
          isEnded = true;
        }
      };
      expect((await watch(undefined, { path: '/v1/files/a:download' })).status).to.equal(500);
      while (!isEnded) await new Promise((resolve) => setImmediate(resolve));
    });

    it('does not read ahead of a client that does not read', async () => {
      const yielded = { count: 0 };
      const name = 'x'.repeat(10_000);
      handle = async function* () {
        for (; yielded.count < 10_000; yielded.count += 1) yield await Promise.resolve({ name });
      };
      const socket = connect(port, '127.0.0.1');
      socket.write('GET /v1/things:watch HTTP/1.1\r\nhost: x\r\n\r\n');
      await once(socket, 'readable');
      let before = -1;
      while (yielded.count !== before) {
        before = yielded.count;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(yielded.count).to.be.lessThan(2000);
      socket.destroy();
      while (ended.count === 0) await new Promise((resolve) => setImmediate(resolve));
    });

    it('answers HEAD with the status of the call, and ends it', async () => {
      handle = () => changes('a', 'b');
      expect(await watch(undefined, { method: 'HEAD' })).to.include({ status: 200, text: '' });
      while (ended.count === 0) await new Promise((resolve) => setImmediate(resolve));
      handle = () => brokenChanges();
      expect(await watch(undefined, { method: 'HEAD' })).to.include({ status: 503 });
    });

    it('begins a stream that is only quiet, and keeps it alive', async () => {
      let finish: (() => void) | undefined;
      handle = async function* () {
        await new Promise<void>((resolve) => (finish = resolve));
        yield* changes('a');
      };
      const response = await fetch(`${base}/v1/things:watch`, { headers: { accept: 'text/event-stream' } });
      expect(response.status).to.equal(200);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (!text.includes(':\n\n:\n\n')) text += (await reader?.read())?.value ?? '';
      finish?.();
      while (!text.includes('event: end')) text += (await reader?.read())?.value ?? '';
      expect(text).to.include('id: t-a');
    });
  });
});
