import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { freePort } from '../support/free-port.js';
import { readText } from '../support/repository.js';
import { requireTool } from '../support/require-tool.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';

const NAME = 'collections/notes/documents/one';
const START_MS_MAX = 15_000;

describe('a server behind nginx as deploy/nginx.conf has it', function () {
  this.timeout(60_000);
  before(requireTool('nginx'));

  let folder: string;
  let server: ServerProcess | undefined;
  let nginx: ChildProcess | undefined;
  let address: string;
  let http: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keelson-nginx-'));
    server = await startServerProcess({ settings: { KEELSON_LOG_LEVEL: 'silent' } });
    const ports = { grpc: await freePort(), http: await freePort() };
    const config = readText('deploy/nginx.conf')
      .replaceAll(/keelson-\d:50051/g, server.address)
      .replaceAll(/keelson-\d:8080/g, new URL(server.http).host)
      .replace('listen 50051', `listen 127.0.0.1:${ports.grpc}`)
      .replace('listen 8080', `listen 127.0.0.1:${ports.http}`);
    const path = join(folder, 'nginx.conf');
    await writeFile(path, config);
    const own = `daemon off; pid ${join(folder, 'nginx.pid')}; error_log stderr;`;
    nginx = spawn('nginx', ['-c', path, '-p', folder, '-g', own], { stdio: 'ignore' });
    address = `127.0.0.1:${ports.grpc}`;
    http = `http://127.0.0.1:${ports.http}`;
    await untilOpen(ports.http);
  });
  after(async () => {
    if (nginx !== undefined && nginx.exitCode === null) {
      nginx.kill('SIGTERM');
      await once(nginx, 'exit');
    }
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is called over gRPC, streams among the calls, and over HTTP', async () => {
    const token = server?.token ?? '';
    const documents = createClient(DocumentServiceDefinition, { address, token });
    const stop = new AbortController();
    try {
      const watch = documents.watchDocuments({ parent: 'collections/notes' }, { signal: stop.signal });
      let isMade = false;
      for await (const { changes } of watch) {
        // Once the watch says where it is, whatever is made is told.
        if (!isMade) await documents.createDocument({ parent: 'collections/notes', documentId: 'one', document: {} });
        isMade = true;
        if (changes.some(({ change }) => change?.$case === 'put' && change.value.name === NAME)) break;
      }
      const answer = await fetch(`${http}/v1/${NAME}`, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).to.equal(200);
    } finally {
      stop.abort();
      documents.close();
    }
  });
});

async function untilOpen(port: number): Promise<void> {
  const giveUpAt = Date.now() + START_MS_MAX;
  for (;;) {
    const socket = connect({ port, host: '127.0.0.1' });
    try {
      await once(socket, 'connect');
      return;
    } catch (err) {
      if (Date.now() > giveUpAt) throw err;
      await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      socket.destroy();
    }
  }
}
