import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';

const HOOK_MS_MAX = 60_000;

type Documents = ServiceClient<typeof DocumentServiceDefinition>;

describe('keelson serve --workers 2, on the embedded engine', function () {
  this.timeout(HOOK_MS_MAX);
  let server: ServerProcess;
  let clients: Documents[];
  let parent: string;
  let serial = 0;

  before(async () => {
    server = await startServerProcess({
      args: ['--workers', '2'],
      settings: { KEELSON_ADMIN_LISTEN: '127.0.0.1:0' },
    });
    // Connections go round the workers, and each client has one of its own.
    clients = Array.from({ length: 4 }, () => createClient(DocumentServiceDefinition, server));
  });

  beforeEach(() => {
    serial += 1;
    parent = `collections/c${serial}`;
  });

  after(async () => {
    for (const client of clients) client.close();
    await server.close();
  });

  const workersOf = () => [...new Set(callLines().map(({ instance }) => instance))];
  const callLines = () => server.logLines.filter(({ msg }) => msg === 'call');

  it('spreads connections over processes that see each other’s changes at once', async () => {
    const names: string[] = [];
    for (const [index, client] of clients.entries()) {
      const { name } = await client.createDocument({ parent, documentId: `d${index}`, document: {} });
      names.push(name);
      for (const other of clients) {
        const { documents } = await other.listDocuments({ parent });
        expect(documents.map((document) => document.name)).to.deep.equal(names);
        expect((await other.getDocument({ name })).name).to.equal(name);
      }
    }

    expect(workersOf()).to.have.length(2);
  });

  it('loses no update that both make', async () => {
    const { name } = await updater(0).createDocument({ parent, document: {} });
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);

    await Promise.all(
      keys.map((key, index) =>
        updater(index).updateDocument({ document: { name, fields: { [key]: 1 } }, updateMask: [`fields.${key}`] }),
      ),
    );

    expect((await updater(0).getDocument({ name })).fields).to.have.all.keys(keys);
  });

  const updater = (index: number): Documents => {
    const client = clients[index % clients.length];
    if (client === undefined) throw new RangeError('There is no client');
    return client;
  };

  it('shows the numbers of both as one', async () => {
    const countLists = async () => {
      const text = await (await fetch(`${server.admin}/metrics`)).text();
      return Number(/keelson_calls_total\{.*method="ListDocuments".*code="OK"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const before = await countLists();
    for (const client of clients) await client.listDocuments({ parent });

    const after = await countLists();
    const readiness = await fetch(`${server.admin}/readyz`);

    expect(after - before).to.equal(4);
    expect(readiness.status).to.equal(200);
  });

  it('starts a worker again that was killed, and serves meanwhile', async () => {
    const [victim] = workerPids(server);
    process.kill(victim ?? 0, 'SIGKILL');
    await Promise.all(clients.map((client) => client.listDocuments({ parent })));
    await until(() => workerPids(server).length === 2 && !workerPids(server).includes(victim ?? 0));

    expect(server.logLines.find(({ msg }) => msg === 'worker ended')).to.include({ worker: victim, signal: 'SIGKILL' });
    await Promise.all(clients.map((client) => client.listDocuments({ parent })));
  });

  it('replaces its workers on SIGHUP, and ends well on SIGTERM', async () => {
    const before = workerPids(server);
    server.child.kill('SIGHUP');
    await until(() => server.logLines.some(({ msg }) => msg === 'workers replaced'));
    await Promise.all(clients.map((client) => client.listDocuments({ parent })));

    expect(workerPids(server)).to.have.length(2).and.not.include.members(before);
    expect(await server.stop()).to.equal(0);
    expect(server.logLines.filter(({ level, msg }) => Number(level) >= 50 && msg !== 'worker ended')).to.deep.equal([]);
  });
});

describe('keelson serve --workers 2, with a worker that cannot start', () => {
  it('ends with the sentence of the worker', async () => {
    const first = await startServerProcess({});
    const address = first.address;
    const message = await startServerProcess({
      args: ['--workers', '2'],
      settings: { KEELSON_GRPC_LISTEN: address },
    }).then(String, (err: Error) => err.message);
    await first.close();

    expect(message).to.include(`${address}: another process listens there`);
  }).timeout(HOOK_MS_MAX);
});

/** The processes below a server. */
function workerPids({ child }: ServerProcess): number[] {
  const { stdout } = spawnSync('ps', ['--ppid', String(child.pid), '-o', 'pid='], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50));
}
