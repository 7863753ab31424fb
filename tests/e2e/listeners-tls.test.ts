import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as requestOverTls } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { createHttpGateway, type HttpGateway } from '../../src/gateway/http-server.js';
import type { LazyDispatcher } from '../../src/rpc/call.js';
import { openTls, type Tls } from '../../src/rpc/tls.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';
import { requireTool } from '../support/require-tool.js';
import { aTable } from '../unit/gateway/fixture.js';

/** A busy machine takes long to start the commands of one test. */
const START_MS_MAX = 60_000;

const run = promisify(execFile);
const LIST = '/v1/collections/notes/documents';

describe('a server with certificates', function () {
  this.timeout(START_MS_MAX);
  let authority: Authority;
  let files: CertificateFiles;
  let client: CertificateFiles;
  let app: TestApp;

  before(requireTool('openssl'));

  before(async () => {
    authority = createAuthority();
    files = authority.issue('server', 'IP:127.0.0.1');
    client = authority.issue('client', 'URI:spiffe://example.org/orders');
    app = await startTestApp({
      KEELSON_TLS_CERT_FILE: files.certFile,
      KEELSON_TLS_KEY_FILE: files.keyFile,
      KEELSON_TLS_CLIENT_CA_FILE: authority.caFile,
      KEELSON_TLS_LISTENERS: 'grpc,http,admin',
      KEELSON_TLS_CLIENT_LISTENERS: 'grpc,admin',
      KEELSON_ADMIN_LISTEN: '127.0.0.1:0',
    });
  });

  after(async () => {
    await app?.close();
    authority?.close();
  });

  interface Answer {
    readonly status: number | undefined;
    readonly text: string;
    readonly serial: string;
  }

  function get(url: string, { agent, shows }: { agent?: Agent; shows?: CertificateFiles } = {}): Promise<Answer> {
    const own = shows && { cert: readFileSync(shows.certFile), key: readFileSync(shows.keyFile) };
    const options = {
      ca: authority.ca,
      ...own,
      agent: agent ?? false,
      headers: { authorization: `Bearer ${app.token}` },
    };
    return new Promise((resolve, reject) => {
      const request = requestOverTls(url, options, (response) => {
        const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode, text, serial }));
      });
      request.on('error', reject).end();
    });
  }

  const https = (url: string) => url.replace('http:', 'https:');

  it('serves the HTTP shim over TLS, and plaintext not at all', async () => {
    expect((await get(https(app.http) + LIST)).status).to.equal(200);
    const plain = await fetch(app.http + LIST).catch((err: unknown) => err);
    expect(plain).to.be.instanceOf(Error);
  });

  it('lets only those see the admin listener who show a certificate', async () => {
    expect((await get(`${https(app.admin)}/readyz`, { shows: client })).text).to.equal('ready\n');
    const refused = await get(`${https(app.admin)}/readyz`).catch((err: unknown) => err);
    expect(refused).to.be.instanceOf(Error);
  });

  it('is called by the client commands with --ca, --cert and --key', async () => {
    const [keelson, ...options] = [
      'bin/keelson.mjs',
      ...['--address', app.address, '--ca', authority.caFile, '--cert', client.certFile, '--key', client.keyFile],
    ];
    const env = { PATH: process.env['PATH'], KEELSON_TOKEN: app.token };
    const health = await run(process.execPath, [keelson, 'health', ...options], { env });
    expect(health.stdout).to.equal('SERVING\n');
    const method = 'keelson.documents.v1.DocumentService/ListDocuments';
    const call = await run(process.execPath, [keelson, 'call', method, '{"parent": "collections/notes"}', ...options], {
      env,
    });
    expect(JSON.parse(call.stdout)).to.deep.equal({});
    const inEnvironment = { KEELSON_CA_FILE: authority.caFile, KEELSON_CERT_FILE: client.certFile };
    const byEnvironment = await run(process.execPath, [keelson, 'health', '--address', app.address], {
      env: { ...env, ...inEnvironment, KEELSON_KEY_FILE: client.keyFile },
    });
    expect(byEnvironment.stdout).to.equal('SERVING\n');
    const strange = await run(process.execPath, [keelson, 'health', '--address', app.address, '--tls'], { env }).catch(
      (err: unknown) => err as { code: number; stderr: string },
    );
    const half = await run(process.execPath, [keelson, 'health', '--cert', client.certFile], { env }).catch(
      (err: unknown) => err as { stderr: string },
    );
    expect(half.stderr).to.match(/^error: --cert and --key: one is of no use without the other$/m);
    const missing = await run(process.execPath, [keelson, 'health', '--ca', '/no/such/file'], { env }).catch(
      (err: unknown) => err as { stderr: string },
    );
    expect(missing.stderr).to.match(/there is no such file/);
    expect(strange).to.have.property('code', 1);
    expect(strange.stderr).to.match(/^UNAVAILABLE: /m);
  });

  it('shows new certificates to new HTTP connections, and goes on on those that stand', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const before = await get(https(app.http) + LIST, { agent });
      const next = authority.issue('next', 'IP:127.0.0.1');
      copyFileSync(next.keyFile, files.keyFile);
      copyFileSync(next.certFile, files.certFile);
      let latest = before;
      while (latest.serial === before.serial) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        latest = await get(https(app.http) + LIST);
      }
      const standing = await get(https(app.http) + LIST, { agent });
      expect(standing).to.include({ status: 200, serial: before.serial });
    } finally {
      agent.destroy();
    }
  });
});

describe('a server whose HTTP clients show certificates', function () {
  this.timeout(START_MS_MAX);
  let authority: Authority;
  let app: TestApp | undefined;

  before(requireTool('openssl'));

  after(async () => {
    await app?.close();
    authority?.close();
  });

  it('takes the URI name in one for the caller of a call without a token', async () => {
    authority = createAuthority();
    const { certFile, keyFile } = authority.issue('server', 'IP:127.0.0.1');
    const client = authority.issue('client', 'URI:spiffe://example.org/orders');
    app = await startTestApp({
      KEELSON_TLS_CERT_FILE: certFile,
      KEELSON_TLS_KEY_FILE: keyFile,
      KEELSON_TLS_CLIENT_CA_FILE: authority.caFile,
      KEELSON_TLS_CLIENT_LISTENERS: 'http',
    });
    const shown = { cert: readFileSync(client.certFile), key: readFileSync(client.keyFile), ca: authority.ca };
    const status = await new Promise((resolve, reject) => {
      const url = app?.http.replace('http:', 'https:') + LIST;
      requestOverTls(url, { ...shown, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    // Known, and without permissions: with neither token nor certificate it would be 401.
    expect(status).to.equal(403);
  });
});

describe('a gateway whose clients show certificates', function () {
  this.timeout(START_MS_MAX);
  let authority: Authority;
  let tls: Tls;
  let gateway: HttpGateway;
  let url: string;
  let shown: { readonly cert: Buffer; readonly key: Buffer; readonly ca: Buffer };
  let logged: string[];
  /** Requests whose connection dies before the gateway has looked at them. */
  let doomed: number;
  let names: (string | undefined)[];

  before(requireTool('openssl'));

  before(async () => {
    authority = createAuthority();
    const files = { ...authority.issue('server', 'IP:127.0.0.1'), clientCaFile: authority.caFile };
    const client = authority.issue('client', 'URI:spiffe://example.org/orders');
    shown = { cert: readFileSync(client.certFile), key: readFileSync(client.keyFile), ca: authority.ca };
    tls = await openTls(files, { log: { info: () => undefined, error: () => undefined } });
  });
  after(() => {
    tls?.close();
    authority?.close();
  });

  beforeEach(async () => {
    logged = [];
    names = [];
    doomed = 0;
    gateway = createHttpGateway({
      table: aTable(['ChatService']),
      dispatcher: {
        async *bidiStream(_method, { peerName }) {
          names.push(peerName);
          yield* Readable.from([]);
        },
      } as Pick<LazyDispatcher, 'bidiStream'> as LazyDispatcher,
      log: { info() {}, error: (_line: object, message: string) => logged.push(message) } as never,
      isReady: () => true,
      tls,
      serverInfo: { name: 'keelson', version: '1' },
      connections: {
        // Hears of each request first.
        watch: (_name, server) =>
          server.on('request', ({ socket }: IncomingMessage) => {
            if (doomed > 0) socket.destroy();
            doomed -= 1;
          }),
      },
    });
    const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
    url = `127.0.0.1:${port}`;
  });
  afterEach(() => gateway.close(0));

  function get(): Promise<number | undefined> {
    return new Promise((resolve) => {
      requestOverTls(`https://${url}/healthz`, { ...shown, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', () => resolve(undefined))
        .end();
    });
  }

  it('goes on where a connection is gone before its certificate is read', async () => {
    doomed = 1;
    expect(await get()).to.equal(undefined);
    expect(await get()).to.equal(200);
    expect(logged).to.deep.equal(['http request failed']);
  });

  it('knows by its name who calls on a WebSocket', async () => {
    const socket = new WebSocket(`wss://${url}/v1/rooms/r:chat`, 'keelson.v1.json', shown);
    socket.once('open', () => socket.send('{"start":{}}'));
    await once(socket, 'close');
    expect(names).to.deep.equal(['spiffe://example.org/orders']);
  });
});
