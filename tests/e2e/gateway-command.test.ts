import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { fileURLToPath } from 'node:url';

const START_MS_MAX = 15_000;

/** What a client sees of an answer, but for what differs with every request. */
interface Seen {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

describe('keelson gateway', function () {
  this.timeout(START_MS_MAX);
  let app: TestApp;
  let dir: string;
  const running: ChildProcess[] = [];

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'keelson-gateway-'));
    app = await startTestApp();
  });

  after(async () => {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await app.close();
    await rm(dir, { recursive: true, force: true });
  });

  function launch(...args: string[]): ChildProcess {
    const child = spawn(process.execPath, ['bin/keelson.mjs', 'gateway', ...args], {
      env: {
        PATH: process.env['PATH'],
        KEELSON_HTTP_LISTEN: '127.0.0.1:0',
        KEELSON_LOG_LEVEL: 'silent',
        KEELSON_SETTLE_MS: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.push(child);
    return child;
  }

  async function start(...args: string[]): Promise<{ http: string; child: ChildProcess }> {
    const child = launch('--upstream', app.address, ...args);
    child.stderr?.resume();
    if (child.stdout === null) throw new TypeError('Standard output is not a pipe');
    for await (const line of createInterface({ input: child.stdout })) {
      const address = /^keelson ready http=(\S+)$/.exec(line)?.[1];
      if (address !== undefined) return { http: `http://${address}`, child };
    }
    throw new Error('The gateway ended before it was ready');
  }

  async function see(base: string, path: string, init: RequestInit = {}): Promise<Seen> {
    const headers = { authorization: `Bearer ${app.token}`, 'x-request-id': 'r-1', ...(init.headers as object) };
    if (headers.authorization === '') Reflect.deleteProperty(headers, 'authorization');
    const response = await fetch(`${base}${path}`, { ...init, headers });
    const kept = [...response.headers].filter(([name]) => name !== 'date');
    return { status: response.status, headers: Object.fromEntries(kept), body: await response.text() };
  }

  const DOCUMENTS = '/v1/collections/notes/documents';
  const json = { 'content-type': 'application/json' };
  const requests: readonly (readonly [what: string, path: string, init?: RequestInit])[] = [
    ['a document', `${DOCUMENTS}/first`],
    ['a document for people', `${DOCUMENTS}/first?$prettyPrint`],
    ['a page of documents', `${DOCUMENTS}?pageSize=1`],
    ['a document that is not there', `${DOCUMENTS}/none`],
    ['a request that breaks the contract', `${DOCUMENTS}?pageSize=-1`],
    ['an unknown parameter', `${DOCUMENTS}?nope=1`],
    ['no token', `${DOCUMENTS}/first`, { headers: { authorization: '' } }],
    ['a wrong token', `${DOCUMENTS}/first`, { headers: { authorization: 'Bearer nonsense' } }],
    ['an etag that has passed', `${DOCUMENTS}/first`, { method: 'DELETE', headers: { 'if-match': '"old"' } }],
    [
      'a method of Connect',
      '/keelson.documents.v1.DocumentService/GetDocument',
      { method: 'POST', headers: json, body: '{"name":"collections/notes/documents/first"}' },
    ],
    [
      'a failure of Connect',
      '/keelson.documents.v1.DocumentService/GetDocument',
      { method: 'POST', headers: json, body: '{"name":"collections/notes/documents/none"}' },
    ],
    ['the list of routes', '/'],
    ['the documentation', '/docs'],
    ['an unknown path', '/nope'],
  ];

  for (const source of ['reflection', 'a descriptor file']) {
    context(`with the contracts from ${source}`, () => {
      let http: string;

      before(async () => {
        const args = source === 'reflection' ? [] : ['--descriptors', fileURLToPath(DESCRIPTOR_IMAGE)];
        ({ http } = await start(...args));
        const init = { method: 'POST', headers: json, body: '{"fields":{"text":"hello"}}' };
        await see(app.http, `${DOCUMENTS}?documentId=first`, init);
      });

      for (const [what, path, init] of requests) {
        it(`answers ${what} with the bytes of the server itself`, async () => {
          expect(await see(http, path, init)).to.deep.equal(await see(app.http, path, init));
        });
      }

      it('makes changes', async () => {
        const init = { method: 'POST', headers: json, body: '{"fields":{"n":1}}' };
        const id = source === 'reflection' ? 'second' : 'third';
        expect((await see(http, `${DOCUMENTS}?documentId=${id}`, init)).status).to.equal(200);
        expect((await see(app.http, `${DOCUMENTS}/${id}`)).status).to.equal(200);
      });
    });
  }

  it('ends with SIGTERM', async () => {
    const { child } = await start();
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).to.equal(0);
  });

  it('says in a sentence why it does not start', async () => {
    const file = join(dir, 'broken.binpb');
    await writeFile(file, 'nonsense');
    for (const [args, text] of [
      [['--upstream', '127.0.0.1:1'], /^Keelson cannot start\.\nUNAVAILABLE: /],
      [['--upstream', app.address, '--descriptors', join(dir, 'none')], /ENOENT/],
    ] as const) {
      const child = launch(...args);
      let stderr = '';
      child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      expect(code).to.equal(1);
      expect(stderr).to.match(text);
    }
  });
});
