import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { expect } from 'chai';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';
import { skipBecause } from '../support/skip-because.js';

const DISK = '16m';
const BALLAST_BYTES = 4 * 1024 * 1024;
const WRITES_MAX = 500;

// The run book "Disk full" of docs/operations.md.
describe('a server on the embedded engine whose disk is full', function () {
  this.timeout(60_000);
  let disk: string;
  let server: ServerProcess | undefined;

  before(async function () {
    disk = await mkdtemp(join(tmpdir(), 'keelson-disk-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', disk]).status === 0;
    if (!mounted) skipBecause(this, 'a small disk can be mounted by root only');
  });
  after(async () => {
    await server?.close();
    spawnSync('umount', [disk]);
    await rm(disk, { recursive: true, force: true });
  });

  it('refuses writes and answers reads, and goes on by itself once there is room, with nothing lost', async () => {
    const ballast = join(disk, 'ballast');
    await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
    const settings = { KEELSON_DATA_DIR: join(disk, 'data') };
    server = await startServerProcess({ settings });
    const { http, token } = server;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const at = `${http}/v1/collections/notes/documents`;
    const put = async (id: string) => {
      const body = JSON.stringify({ fields: { text: 'x'.repeat(100_000) } });
      const answer = await fetch(`${at}?documentId=${id}`, { method: 'POST', headers, body });
      return { status: answer.status, body: await answer.text() };
    };

    const kept: string[] = [];
    let refused: { status: number; body: string } | undefined;
    while (refused === undefined && kept.length < WRITES_MAX) {
      const answer = await put(`n-${kept.length}`);
      if (answer.status === 200) kept.push(`n-${kept.length}`);
      else refused = answer;
    }
    expect(refused?.status).to.equal(503);
    expect(refused?.body).to.include('"STORE_UNAVAILABLE"');
    const { logLines } = server;
    const saysWhy = () => logLines.some(({ err }) => (err as Error | undefined)?.message.includes('disk is full'));
    while (!saysWhy()) await new Promise((resolve) => setTimeout(resolve, 20));
    const last = kept.at(-1) ?? '';
    expect((await fetch(`${at}/${last}`, { headers })).status).to.equal(200);

    await rm(ballast);
    const again = await put('after');
    expect(again.status, again.body).to.equal(200);
    for (const id of [...kept, 'after']) expect((await fetch(`${at}/${id}`, { headers })).status, id).to.equal(200);

    await server.stop();
    const env = { PATH: process.env['PATH'], KEELSON_DATA_DIR: settings.KEELSON_DATA_DIR };
    const { stdout } = await promisify(execFile)(process.execPath, ['bin/keelson.mjs', 'ledger', 'verify'], { env });
    expect(stdout).to.match(/ are whole\n/);
  });
});
