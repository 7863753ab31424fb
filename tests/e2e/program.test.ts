import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { rejection } from '../support/rejection.js';

/** Some tests start three servers, on a machine that does other things, too. */
const TEST_MS_MAX = 60_000;

/** A process that runs `keelson serve`. */
interface Server {
  readonly process: ChildProcess;
  readonly grpc: string;
  readonly http: string;
  readonly stdout: readonly string[];
}

describe('keelson serve', function () {
  this.timeout(TEST_MS_MAX);
  let dataDir: string;
  const running: ChildProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-program-'));
  });

  afterEach(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(dataDir, { recursive: true, force: true });
  });

  function launch(env: Readonly<Record<string, string>> = {}): ChildProcess {
    const child = spawn(process.execPath, ['bin/keelson.mjs', 'serve'], {
      env: {
        PATH: process.env['PATH'],
        KEELSON_GRPC_LISTEN: '127.0.0.1:0',
        KEELSON_HTTP_LISTEN: '127.0.0.1:0',
        KEELSON_DATA_DIR: dataDir,
        KEELSON_SETTLE_MS: '0',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    return child;
  }

  async function start(env: Readonly<Record<string, string>> = {}): Promise<Server> {
    const child = launch(env);
    if (child.stdout === null) throw new TypeError('Standard output is not a pipe');
    child.stderr?.resume();
    const stdout: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      stdout.push(line);
      const [, grpc, http] = /^keelson ready grpc=(\S+) http=(\S+)$/.exec(line) ?? [];
      if (grpc !== undefined && http !== undefined) return { process: child, grpc, http, stdout };
    }
    throw new Error(`The server ended before it was ready:\n${stdout.join('\n')}`);
  }

  /** Waits for a process that does not get as far as being ready. */
  async function failedStart(env: Readonly<Record<string, string>> = {}): Promise<{ code: unknown; stderr: string }> {
    const child = launch(env);
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stderr };
  }

  async function stop(server: Server, signal: NodeJS.Signals): Promise<unknown> {
    const exited = once(server.process, 'exit');
    server.process.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }

  async function readToken(): Promise<string> {
    return (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  }

  async function documentsOf(server: Server): Promise<ServiceClient<typeof DocumentServiceDefinition>> {
    return createClient(DocumentServiceDefinition, { address: server.grpc, token: await readToken() });
  }

  it('tells true ports, and keeps the first token where only its owner can read it', async () => {
    const server = await start();

    expect(server.grpc).to.match(/^127\.0\.0\.1:[1-9]\d+$/);
    expect(server.http).to.match(/^127\.0\.0\.1:[1-9]\d+$/);
    expect(server.stdout.join('\n')).to.include(join(dataDir, 'admin-token'));
    expect((await stat(join(dataDir, 'admin-token'))).mode & 0o777).to.equal(0o600);
    expect(await readToken()).to.match(/^keelson_admin\.first_[\w-]{43}$/);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`ends with code 0 on ${signal}, while clients are connected`, async () => {
      const server = await start();
      const documents = await documentsOf(server);
      await documents.listDocuments({ parent: 'collections/notes' });
      await fetch(`http://${server.http}/healthz`);

      const code = await stop(server, signal);
      documents.close();

      expect(code).to.equal(0);
    });
  }

  it('keeps documents and the token over a kill and a second start', async () => {
    const first = await start();
    const before = await documentsOf(first);
    const written = await before.createDocument({
      parent: 'collections/notes',
      documentId: 'kept',
      document: { fields: { text: 'hello', __proto: 1 } },
    });
    const token = await readToken();
    await stop(first, 'SIGKILL');
    before.close();

    const second = await start();
    const after = await documentsOf(second);
    const read = await after.getDocument({ name: 'collections/notes/documents/kept' });
    after.close();

    expect(read).to.deep.equal(written);
    expect(await readToken()).to.equal(token);
  });

  it('gives the same document over gRPC and over HTTP, and the same refusals', async () => {
    const server = await start();
    const documents = await documentsOf(server);
    const authorization = `Bearer ${await readToken()}`;
    const base = `http://${server.http}/v1/collections/notes/documents`;
    const body = '{"fields": {"text": "hello", "__proto__": {"x": [1, null, true]}}}';

    const created = await fetch(`${base}?documentId=a`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body,
    });
    const overHttp = (await (await fetch(`${base}/a`, { headers: { authorization } })).json()) as { etag: string };
    const overGrpc = await documents.getDocument({ name: 'collections/notes/documents/a' });
    const missing = await fetch(`${base}/b`, { headers: { authorization } });
    const missingOverGrpc = await rejection(
      documents.getDocument({ name: 'collections/notes/documents/b' }),
      CallError,
    );
    const stranger = await fetch(`${base}/a`, { headers: { authorization: 'Bearer wrong' } });
    const invalid = await fetch(`${base}?documentId=a%2Fb`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body,
    });
    documents.close();

    expect(created.status).to.equal(200);
    expect(JSON.stringify(overGrpc.fields)).to.equal('{"text":"hello","__proto__":{"x":[1,null,true]}}');
    expect(JSON.stringify(overHttp)).to.include('"__proto__":{"x":[1,null,true]}');
    expect(overHttp.etag).to.equal(overGrpc.etag);
    expect(missing.status).to.equal(404);
    expect(await missing.json()).to.have.nested.property('error.message', missingOverGrpc.message);
    expect(stranger.status).to.equal(401);
    expect(stranger.headers.get('www-authenticate')).to.match(/^Bearer /);
    expect(invalid.status).to.equal(400);
    expect(JSON.stringify(await invalid.json())).to.include('"field":"document_id"');
  });

  context('on a data directory that another process uses', () => {
    it('ends with code 1 and says so', async () => {
      await start();

      const { code, stderr } = await failedStart();

      expect(code).to.equal(1);
      expect(stderr).to.include(`Cannot open data directory "${dataDir}": another process has it open`);
    });
  });

  context('on a port that is taken', () => {
    it('ends with code 1 and says which', async () => {
      const server = await start();
      const other = await mkdtemp(join(tmpdir(), 'keelson-program-'));

      const { code, stderr } = await failedStart({ KEELSON_HTTP_LISTEN: server.http, KEELSON_DATA_DIR: other });
      await rm(other, { recursive: true, force: true });

      expect(code).to.equal(1);
      expect(stderr).to.include(server.http);
      expect(stderr).not.to.include('    at ');
    });
  });

  context('without the master key that the database was set up with', () => {
    it('ends with code 1, says where it belongs, and makes no other', async () => {
      await stop(await start(), 'SIGTERM');
      const path = join(dataDir, 'master-key');
      await rename(path, `${path}.away`);

      const { code, stderr } = await failedStart();

      expect(code).to.equal(1);
      expect(stderr).to.include(`put its file back as "${path}"`).and.not.include('    at ');
      expect(existsSync(path)).to.equal(false);
      await rename(`${path}.away`, path);
      await start();
    });
  });

  context('with settings that are wrong', () => {
    it('ends with code 1 and a sentence for each', async () => {
      const { code, stderr } = await failedStart({ KEELSON_GRPC_LISTEN: '0.0.0.0:0', KEELSON_LOG_LEVEL: 'loud' });

      expect(code).to.equal(1);
      expect(stderr).to.include('KEELSON_ALLOW_PLAINTEXT=true');
      expect(stderr).to.include('KEELSON_LOG_LEVEL="loud"');
    });
  });
});
