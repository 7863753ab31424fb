import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as requestOverTls } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createHttpGateway } from '../../src/gateway/http-server.js';
import type { LazyDispatcher } from '../../src/rpc/call.js';
import { openTls } from '../../src/rpc/tls.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';
import { requireTool } from '../support/require-tool.js';
import { aTable } from '../unit/gateway/fixture.js';

const run = promisify(execFile);
const LIST = '/v1/collections/notes/documents';

describe('a server with certificates', function () {
  this.timeout(20_000);
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

describe('a server whose HTTP clients show certificates', () => {
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

describe('a connection over TLS that is gone before its request is looked at', () => {
  before(requireTool('openssl'));

  it('costs a line in the log, and the next request is served', async () => {
    const authority = createAuthority();
    const closers: (() => unknown)[] = [() => authority.close()];
    try {
      const files = { ...authority.issue('server', 'IP:127.0.0.1'), clientCaFile: authority.caFile };
      const client = authority.issue('client', 'URI:spiffe://example.org/orders');
      const tls = await openTls(files, { log: { info: () => undefined, error: () => undefined } });
      closers.push(() => tls.close());
      const logged: string[] = [];
      let doomed = 1;
      const gateway = createHttpGateway({
        table: aTable(),
        dispatcher: {} as LazyDispatcher,
        log: { info() {}, error: (_line: object, message: string) => logged.push(message) } as never,
        isReady: () => true,
        tls,
        serverInfo: { name: 'keelson', version: '1' },
        connections: {
          // Hears of each request first, when the gateway has not looked at the certificate yet.
          watch: (_name, server) =>
            server.on('request', ({ socket }: IncomingMessage) => {
              doomed -= 1;
              if (doomed >= 0) socket.destroy();
            }),
        },
      });
      closers.push(() => gateway.close(0));
      const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
      const shown = { cert: readFileSync(client.certFile), key: readFileSync(client.keyFile), ca: authority.ca };
      const get = () =>
        new Promise<number | undefined>((resolve) => {
          requestOverTls(`https://127.0.0.1:${port}/healthz`, { ...shown, agent: false }, (response) => {
            response.resume();
            resolve(response.statusCode);
          })
            .on('error', () => resolve(undefined))
            .end();
        });
      expect(await get()).to.equal(undefined);
      expect(await get()).to.equal(200);
      expect(logged).to.deep.equal(['http request failed']);
    } finally {
      for (const close of closers.toReversed()) await close();
    }
  });
});
