import { create, toBinary, type DescMessage, type Message } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createHttpGateway, type HttpGateway } from '../../src/gateway/http-server.js';
import type { LazyDispatcher } from '../../src/rpc/call.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { toStatusError } from '../../src/rpc/status.js';
import { startGatewayProcess, type GatewayProcess } from '../support/gateway-process.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';
import { skipBecause } from '../support/skip-because.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';
import { aTable } from '../unit/gateway/fixture.js';
import { closeGatewaysApart, startGateway, type RunningGateway } from './gateway-harness.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const UPLOAD_BYTES = 256 * MIB;
const GROWTH_BYTES_MAX = 10 * MIB;
const WARM_UP_UPLOADS = 10;
const ATTACK_MS_MAX = 60_000;

function encode(schema: DescMessage, json: object): Uint8Array {
  return toBinary(schema, create(schema, json as never) as Message);
}

describe('partial answers of the HTTP gateway', () => {
  onEachGateway(() => {
    after(closeGatewaysApart);
    let running: RunningGateway;

    before(async () => {
      running = await startGateway();
      running.recorder.answer = (_call, _request, { descriptor }) =>
        Promise.resolve(
          encode(descriptor.output, {
            name: 'things/a',
            displayName: 'A',
            etag: 'e1',
            place: { cityName: 'Ulm', height: 478 },
            things: [{ name: 'things/a', displayName: 'A' }],
          }),
        );
    });
    after(() => running.gateway.close());

    it('have the fields that $fields names, and no others', async () => {
      const { json } = await running.call('/v1/things/a?$fields=name,place(cityName)');
      expect(json).to.deep.equal({ name: 'things/a', place: { cityName: 'Ulm' } });
      const list = await running.call('/v1/things?fields=things/name');
      expect(list.json).to.deep.equal({ things: [{ name: 'things/a' }] });
    });

    it('keep the ETag of the whole', async () => {
      const { headers } = await running.call('/v1/things/a?$fields=name');
      expect(headers.get('etag')).to.equal('"e1"');
    });

    it('are refused with 400 before the call where the answer has no such field', async () => {
      running.recorder.calls.length = 0;
      const { status, json } = await running.call('/v1/things/a?$fields=name,place.nope');
      expect(status).to.equal(400);
      expect(JSON.stringify(json)).to.include('"field":"$fields"').and.include('not a field of fixtures.v1.Place');
      expect(running.recorder.calls).to.deep.equal([]);
    });
  });
});

/** Of a gateway in the process of its server: another one learns from the server who may call, and that with the whole request. */
describe('a request whose caller may not call', () => {
  let gateway: HttpGateway;
  let port: number;

  before(async () => {
    const refuse = () => Promise.reject(toStatusError(new ServiceError('TOKEN_MISSING', 'Call needs a token'), 'r'));
    gateway = createHttpGateway({
      table: aTable(),
      dispatcher: { unary: refuse } as unknown as LazyDispatcher,
      log: SILENT_LOGGER as never,
      isReady: () => true,
      serverInfo: { name: 'keelson', version: '1.2.3' },
    });
    ({ port } = await gateway.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(() => gateway.close(0));

  it('is refused before its body has come, whatever it holds', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': String(4 * MIB) };
    const path = '/v1/everything/a:check';
    const outgoing = request({ host: '127.0.0.1', port, method: 'POST', path, headers });
    outgoing.on('error', () => undefined);
    outgoing.write('{"text": [[[[');
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(response.statusCode).to.equal(401);
    expect(response.headers['www-authenticate']).to.match(/^Bearer /);
    outgoing.destroy();
  });
});

const MEMORY_FILES = '/proc/self/clear_refs';

describe('a body far beyond the limit', function () {
  this.timeout(ATTACK_MS_MAX);
  before(function () {
    if (!existsSync(MEMORY_FILES)) skipBecause(this, 'the memory of a process is read from /proc');
  });

  onEachGateway((kind) => {
    let server: ServerProcess;
    let apart: GatewayProcess | undefined;
    let target: Target;
    before(async () => {
      const settings = { KEELSON_LOG_LEVEL: 'silent' };
      server = await startServerProcess({ settings });
      target = { http: server.http, pid: server.child.pid ?? 0, token: server.token };
      if (kind === 'in front of the server') {
        apart = await startGatewayProcess({ args: ['--upstream', server.address], settings });
        target = { http: apart.http, pid: apart.pid, token: server.token };
      }
    });
    after(async () => {
      await apart?.close();
      await server?.close();
    });

    it('is refused with 413 and never held in memory', async () => {
      // The first ones make what the process needs for any of them.
      for (let count = 0; count < WARM_UP_UPLOADS; count += 1) expect(await upload(target, 6 * MIB)).to.equal(413);
      const before = await startPeak(target);
      expect(await upload(target, UPLOAD_BYTES)).to.equal(413);
      expect((await readMemory(target, 'VmHWM')) - before).to.be.lessThan(GROWTH_BYTES_MAX);
    });
  });
});

/** Who gets the body, and in which process. */
interface Target {
  readonly http: string;
  readonly pid: number;
  readonly token: string;
}

/** Forgets the peak so far, and gives the memory that is in use now. */
async function startPeak(target: Target): Promise<number> {
  await writeFile(`/proc/${target.pid}/clear_refs`, '5');
  return readMemory(target, 'VmRSS');
}

async function readMemory({ pid }: Target, name: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * KIB;
}

/**
 * Sends a body without telling its length, as fast as it is taken, and goes on when it has been refused. Gives the status
 * of the answer.
 */
async function upload({ http, token }: Target, bytes: number): Promise<number> {
  const { hostname, port } = new URL(http);
  const socket = connect({ host: hostname, port: Number(port) });
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const head = [
    'POST /v1/collections/notes/documents HTTP/1.1',
    `host: ${hostname}`,
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    'transfer-encoding: chunked',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  const chunk = Buffer.from(`${(64 * KIB).toString(16)}\r\n${'x'.repeat(64 * KIB)}\r\n`);
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += 64 * KIB) {
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => undefined), ended]);
  }
  socket.end('0\r\n\r\n');
  await ended;
  return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
}
