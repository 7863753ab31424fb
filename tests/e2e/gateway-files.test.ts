import { fromBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';
import type { CallContext } from '../../src/rpc/context.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { dynamicService } from '../support/dynamic-service.js';
import { onEachGateway, startGatewayOf, type StartedGateway } from '../support/on-each-gateway.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { shortestMs } from '../support/shortest.js';
import { skipBecause } from '../support/skip-because.js';
import { fixtureRegistry } from '../unit/gateway/fixture.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const LARGE_BYTES = 256 * MIB;
const GROWTH_BYTES_MAX = 48 * MIB;
const ENDED_MS_MAX = 50;
const TRANSFER_MS_MAX = 120_000;

const FORM = 'multipart/form-data; boundary=a';
const FORM_FILE = '--a\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\nabc\r\n';

interface Body {
  readonly contentType?: string;
  readonly data?: Uint8Array;
  readonly extensions?: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

interface Put {
  readonly name: string;
  readonly title: string;
  readonly content?: Body;
}

describe('files over the HTTP gateway', function () {
  this.timeout(TRANSFER_MS_MAX);

  onEachGateway((kind) => {
    let server: RpcServer;
    let gateway: StartedGateway;
    let download: (ctx: CallContext) => AsyncIterable<Body>;
    let upload: (ctx: CallContext, requests: AsyncIterable<Put>) => Promise<object>;

    before(async () => {
      const handlers = {
        putFile: (_ctx: unknown, { name, title, content }: Put) =>
          Promise.resolve({ name, title, parts: [describeBody(content)], bytes: BigInt(content?.data?.length ?? 0) }),
        echoFile: (_ctx: unknown, body: Body) => Promise.resolve(body),
        uploadFile: (ctx: CallContext, requests: AsyncIterable<Put>) => upload(ctx, requests),
        downloadFile: (ctx: CallContext) => download(ctx),
        async *copyFile(_ctx: unknown, bodies: AsyncIterable<Body>) {
          for await (const { contentType, data } of bodies) yield { contentType, data };
        },
      };
      server = await startRpcServerWith({
        registry: fixtureRegistry(),
        services: [dynamicService(fixtureRegistry(), 'fixtures.v1.FileService', handlers as never)],
      });
      gateway = await startGatewayOf(kind, server);
    });
    after(async () => {
      await gateway?.close();
      await server?.close();
    });

    beforeEach(() => {
      upload = async (_ctx, requests) => {
        const parts: string[] = [];
        let bytes = 0;
        let last: Put | undefined;
        for await (const request of requests) {
          const { content } = request;
          if (content?.contentType !== '') parts.push(describeBody(content));
          bytes += content?.data?.length ?? 0;
          last = request;
        }
        return { name: last?.name, title: last?.title, parts, bytes: BigInt(bytes) };
      };
    });

    const call = (path: string, init: RequestInit = {}) => fetch(`${gateway.base}${path}`, init);

    it('puts a body of any type into the field of a request', async () => {
      const init = { method: 'PUT', body: new Uint8Array([1, 2, 3]), headers: { 'content-type': 'image/png' } };
      const response = await call('/v1/files/a?title=T', init);
      expect(await response.json()).to.deep.equal({
        name: 'files/a',
        title: 'T',
        parts: ['image/png 010203'],
        bytes: '3',
      });
    });

    it('takes and gives a body as a whole message, and JSON as any other type', async () => {
      for (const type of ['application/json', 'image/png']) {
        const init = { method: 'POST', body: '{"a": [', headers: { 'content-type': type } };
        const response = await call('/v1/files:echo', init);
        expect(response.status).to.equal(200);
        expect(response.headers.get('content-type')).to.equal(type);
        expect(await response.text()).to.equal('{"a": [');
      }
    });

    it('refuses a body that does not fit into a message with 413', async () => {
      const response = await call('/v1/files:echo', { method: 'POST', body: new Uint8Array(4 * MIB + 1) });
      expect(response.status).to.equal(413);
    });

    it('takes an upload of any type piece by piece', async () => {
      const body = new Uint8Array(300 * KIB).fill(7);
      const init = { method: 'POST', body, headers: { 'content-type': 'video/mp4' } };
      const answer = (await (await call('/v1/files/a:upload?title=T', init)).json()) as Record<string, unknown>;
      expect(answer).to.include({ name: 'files/a', title: 'T', bytes: String(300 * KIB) });
      expect(answer['parts']).to.have.length(1);
      expect((answer['parts'] as string[])[0]).to.match(/^video\/mp4 0707/);
    });

    it('takes an upload of nothing', async () => {
      const answer = await (await call('/v1/files/a:upload', { method: 'POST' })).json();
      expect(answer).to.deep.equal({ name: 'files/a' });
    });

    it('takes a form: its fields as parameters, its files one after the other', async () => {
      const form = new FormData();
      form.append('title', 'Two ünd twenty');
      form.append('first', new Blob([new Uint8Array([1, 2])], { type: 'image/png' }), 'a.png');
      form.append('second', new Blob(['']), 'b');
      const answer = await (await call('/v1/files/a:upload', { method: 'POST', body: form })).json();
      expect(answer).to.deep.equal({
        name: 'files/a',
        title: 'Two ünd twenty',
        parts: ['image/png 0102 first a.png', 'application/octet-stream  second b'],
        bytes: '2',
      });
    });

    const broken: readonly (readonly [what: string, type: string, body: string])[] = [
      ['a form without a boundary', 'multipart/form-data; x=y', '--a--'],
      [
        'a form that ends within a file',
        'multipart/form-data; boundary=a',
        '--a\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\nabc',
      ],
      ['a field without a name', FORM, `--a\r\ncontent-disposition: form-data\r\n\r\nx\r\n${FORM_FILE}--a--\r\n`],
      ['a file without a name', FORM, '--a\r\ncontent-disposition: form-data; filename="f"\r\n\r\nx\r\n--a--\r\n'],
      [
        'a field that no file comes after',
        FORM,
        `${FORM_FILE}--a\r\ncontent-disposition: form-data; name="title"\r\n\r\nx\r\n--a--\r\n`,
      ],
      [
        'a form with an unknown field',
        'multipart/form-data; boundary=a',
        '--a\r\ncontent-disposition: form-data; name="nope"\r\n\r\nx\r\n--a\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\nabc\r\n--a--\r\n',
      ],
    ];
    for (const [what, type, body] of broken) {
      it(`refuses ${what}`, async () => {
        const response = await call('/v1/files/a:upload', { method: 'POST', body, headers: { 'content-type': type } });
        expect(response.status).to.equal(400);
        expect(await response.json()).to.have.nested.property('error.details[0].reason', 'INVALID_REQUEST');
      });
    }

    it('refuses an upload whose If-Match would go unheard', async () => {
      const init = { method: 'POST', body: 'x', headers: { 'if-match': '"v1"' } };
      const response = await call('/v1/files/a:upload', init);
      expect(response.status).to.equal(400);
      expect(await response.text()).to.include('if-match');
    });

    it('refuses a form with more parts than there may be, and an upload that is compressed', async () => {
      const form = new FormData();
      for (let i = 0; i <= 100; i += 1) form.append('f', new Blob(['x']), 'f');
      const many = await call('/v1/files/a:upload', { method: 'POST', body: form });
      expect(many.status).to.equal(429);
      const headers = { 'content-encoding': 'gzip' };
      expect((await call('/v1/files/a:upload', { method: 'POST', body: 'x', headers })).status).to.equal(415);
    });

    it('gives a file of any length in its own type', async () => {
      download = async function* () {
        yield { contentType: 'text/csv', data: Buffer.from('a,b\n') };
        yield { data: Buffer.from('c,d\n') };
      };
      const response = await call('/v1/files/a:download');
      expect(response.headers.get('content-type')).to.equal('text/csv');
      expect(await response.text()).to.equal('a,b\nc,d\n');
    });

    it('sends no type that is none', async () => {
      download = async function* () {
        yield { contentType: 'text/csv\r\nx-evil: 1', data: Buffer.from('a') };
      };
      const response = await call('/v1/files/a:download');
      expect(response.headers.get('content-type')).to.equal('application/octet-stream');
      expect(response.headers.get('x-evil')).to.equal(null);
      await response.text();
    });

    it('gives a failure before the first piece its true status, and breaks a file off that fails on its way', async () => {
      download = () => {
        throw new ServiceError('RESOURCE_NOT_FOUND', 'Cannot find the file');
      };
      expect((await call('/v1/files/a:download')).status).to.equal(404);
      download = async function* () {
        yield { contentType: 'text/csv', data: Buffer.from('a,b\n') };
        throw new ServiceError('SERVER_DRAINING', 'Server is shutting down');
      };
      const response = await call('/v1/files/a:download');
      expect(response.status).to.equal(200);
      expect(await response.text().catch(() => 'broken off')).to.equal('broken off');
    });

    it('copies both ways at once', async () => {
      const client = open('/v1/files:copy', 'text/x');
      const answered = once(client, 'response') as Promise<[IncomingMessage]>;
      client.write('one');
      const [response] = await answered;
      expect(response.headers['content-type']).to.equal('text/x');
      expect(String((await once(response, 'data'))[0])).to.equal('one');
      client.end('two');
      expect(String((await once(response, 'data'))[0])).to.equal('two');
      response.resume();
      await finished(response);
    });

    function open(path: string, contentType: string): ClientRequest {
      const client = httpRequest(`${gateway.base}${path}`, {
        method: 'POST',
        headers: { 'content-type': contentType },
      });
      client.on('error', () => undefined);
      return client;
    }

    it('ends the call of an upload within 50 ms when its client goes away', async () => {
      const measure = async () => {
        let started: () => void = () => undefined;
        const hasStarted = new Promise<void>((resolve) => (started = resolve));
        const ended = new Promise<number>((resolve) => {
          upload = async (ctx, requests) => {
            ctx.signal.addEventListener('abort', () => resolve(performance.now()));
            for await (const _request of requests) started();
            return {};
          };
        });
        const client = open('/v1/files/a:upload', 'text/x');
        client.write('some');
        await hasStarted;
        const goneMs = performance.now();
        client.destroy();
        return (await ended) - goneMs;
      };
      expect(await shortestMs(ENDED_MS_MAX, measure)).to.be.lessThan(ENDED_MS_MAX);
    });

    it('ends the call of a download within 50 ms when its client goes away', async () => {
      const measure = async () => {
        const ended = new Promise<number>((resolve) => {
          download = async function* (ctx) {
            ctx.signal.addEventListener('abort', () => resolve(performance.now()));
            for (;;) yield await Promise.resolve({ contentType: 'text/x', data: new Uint8Array(KIB) });
          };
        });
        const client = httpRequest(`${gateway.base}/v1/files/a:download`);
        client.on('error', () => undefined);
        client.end();
        const [response] = (await once(client, 'response')) as [IncomingMessage];
        response.on('error', () => undefined);
        await once(response, 'data');
        const goneMs = performance.now();
        client.destroy();
        return (await ended) - goneMs;
      };
      expect(await shortestMs(ENDED_MS_MAX, measure)).to.be.lessThan(ENDED_MS_MAX);
    });

    it('takes no more than a handler reads, and makes no more than a client reads', async () => {
      let made = 0;
      download = async function* () {
        for (; made < 10_000; made += 1) yield await Promise.resolve({ data: new Uint8Array(64 * KIB) });
      };
      const client = httpRequest(`${gateway.base}/v1/files/a:download`);
      client.on('error', () => undefined);
      client.end();
      await once(client, 'response');
      expect(await untilStill(() => made)).to.be.lessThan(1000);
      client.destroy();

      upload = async (ctx) => {
        await once(ctx.signal, 'abort');
        return {};
      };
      const sender = open('/v1/files/a:upload', 'text/x');
      let sent = 0;
      const more = () => {
        while (sent < 10_000 && !sender.writableNeedDrain) {
          sender.write(new Uint8Array(64 * KIB));
          sent += 1;
        }
      };
      sender.on('drain', more);
      more();
      expect(await untilStill(() => sent)).to.be.lessThan(1000);
      sender.destroy();
    });

    // The memory of this process is full of tests.
    if (kind === 'in the process of the server') return;
    it('holds little of 256 MiB in memory, in either direction', async function () {
      const pid = gateway.pid ?? 0;
      if (!existsSync('/proc/self/clear_refs')) skipBecause(this, 'the memory of a process is read from /proc');
      const piece = new Uint8Array(64 * KIB);
      const transfer = async (bytes: number) => {
        download = async function* () {
          for (let at = 0; at < bytes; at += piece.length) yield await Promise.resolve({ data: piece });
        };
        let received = 0;
        for await (const chunk of (await call('/v1/files/a:download')).body ?? [])
          received += (chunk as Uint8Array).length;
        expect(received).to.equal(bytes);
        const client = open('/v1/files/a:upload', 'text/x');
        const answered = once(client, 'response') as Promise<[IncomingMessage]>;
        for (let at = 0; at < bytes; at += piece.length) {
          if (!client.write(piece)) await once(client, 'drain');
        }
        client.end();
        const chunks = (await (await answered)[0].toArray()) as Buffer[];
        expect(JSON.parse(Buffer.concat(chunks).toString())).to.include({ bytes: String(bytes) });
      };
      // The first ones make what the process needs for any of them.
      await transfer(32 * MIB);
      await writeFile(`/proc/${pid}/clear_refs`, '5');
      const before = await readMemory(pid, 'VmRSS');
      await transfer(LARGE_BYTES);
      expect((await readMemory(pid, 'VmHWM')) - before).to.be.lessThan(GROWTH_BYTES_MAX);
    });
  });
});

/** Waits until a count has stopped to grow, and gives it. */
async function untilStill(count: () => number): Promise<number> {
  let before = -1;
  while (count() === 0 || count() !== before) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return before;
}

async function readMemory(pid: number, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * KIB;
}

/** Writes down what a body is: its type, its bytes, and its names in a form. */
function describeBody({ contentType = '', data = new Uint8Array(), extensions = [] }: Body = {}): string {
  const names = extensions.map(({ value }) => toJson(StructSchema, fromBinary(StructSchema, value)));
  const words = names.flatMap((fields) => Object.values(fields as Record<string, string>));
  return [contentType, Buffer.from(data).subarray(0, 8).toString('hex'), ...words].join(' ');
}
