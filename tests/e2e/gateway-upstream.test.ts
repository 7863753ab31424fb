import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { formatAddress, readConfig } from '../../src/config.js';
import { startFront, type Front } from '../../src/front.js';
import { openTls } from '../../src/rpc/tls.js';
import { createAuthority } from '../support/certificates.js';
import { dynamicService } from '../support/dynamic-service.js';
import { startApart } from '../support/on-each-gateway.js';
import { requireTool } from '../support/require-tool.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { fixtureImage, fixtureRegistry } from '../unit/gateway/fixture.js';

const START_MS_MAX = 40_000;
const NEVER_MS = 3_600_000;

describe('a gateway in front of a server', function () {
  this.timeout(START_MS_MAX);
  const closers: (() => unknown)[] = [];

  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function startServer(options: Partial<Parameters<typeof startRpcServerWith>[0]> = {}): Promise<RpcServer> {
    const registry = fixtureRegistry();
    const getThing = (_ctx: unknown, { name }: { name: string }) => Promise.resolve({ name });
    async function* listen(_ctx: unknown, line: object) {
      yield await Promise.resolve(line);
    }
    const services = [
      dynamicService(registry, 'fixtures.v1.ThingService', { getThing } as never),
      dynamicService(registry, 'fixtures.v1.ChatService', { listen } as never),
    ];
    const server = await startRpcServerWith({ registry, services, ...options });
    closers.push(() => server.close());
    return server;
  }

  /** Writes the contracts of some services of the fixtures. */
  async function writeContracts(file: string, ...services: string[]): Promise<void> {
    const set = fromBinary(FileDescriptorSetSchema, fixtureImage());
    for (const one of set.file) one.service = one.service.filter(({ name }) => services.includes(name));
    await writeFile(file, toBinary(FileDescriptorSetSchema, set));
  }

  async function startWith(descriptorsFile: string, address: string): Promise<{ front: Front; base: string }> {
    const config = readConfig({
      KEELSON_HTTP_LISTEN: '127.0.0.1:0',
      KEELSON_SETTLE_MS: '0',
      KEELSON_DRAIN_TIMEOUT_MS: '100',
    });
    const deps = { log: pino({ level: 'silent' }), clock: { now: () => Date.now() } };
    const front = await startFront(config, { address, descriptorsFile, lookAgainMs: NEVER_MS }, deps);
    closers.push(() => front.close());
    return { front, base: `http://${formatAddress(front.http)}` };
  }

  async function folder(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'keelson-upstream-'));
    closers.push(() => rm(dir, { recursive: true, force: true }));
    return dir;
  }

  it('says that a server is away in the words of every protocol', async () => {
    const server = await startServer();
    const gateway = await startApart(server, {});
    closers.push(() => gateway.close());
    expect((await fetch(`${gateway.base}/v1/things/a`)).status).to.equal(200);
    await server.close();
    const rest = await fetch(`${gateway.base}/v1/things/a`);
    expect(rest.status).to.equal(503);
    expect(await rest.json()).to.have.nested.property('error.details[0].reason', 'UPSTREAM_UNAVAILABLE');
    const stream = await fetch(`${gateway.base}/v1/rooms/r:listen`, { headers: { accept: 'text/event-stream' } });
    expect(stream.status).to.equal(503);
    expect(await stream.json()).to.have.nested.property('error.details[0].reason', 'UPSTREAM_UNAVAILABLE');
    const connect = await fetch(`${gateway.base}/fixtures.v1.ThingService/GetThing`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"name":"things/a"}',
    });
    expect(connect.status).to.equal(503);
    expect(await connect.json()).to.include({ code: 'unavailable' });
  });

  context('over TLS', () => {
    before(requireTool('openssl'));

    it('calls a server that its authorities have signed, and no other', async () => {
      const authority = createAuthority();
      closers.push(() => authority.close());
      const files = authority.issue('server', 'IP:127.0.0.1');
      const tls = await openTls(files, { log: { info: () => undefined, error: () => undefined } });
      closers.push(() => tls.close());
      const server = await startServer({ tls });
      const good = await startApart(server, {}, ['--tls-ca', authority.caFile]);
      closers.push(() => good.close());
      expect(await (await fetch(`${good.base}/v1/things/a`)).json()).to.deep.equal({ name: 'things/a' });
      const careful = await startApart(server, {}, ['--tls']);
      closers.push(() => careful.close());
      expect((await fetch(`${careful.base}/v1/things/a`)).status).to.equal(503);
    });
  });

  it('takes over new contracts whole, and keeps the old ones where the new ones cannot be served', async () => {
    const server = await startServer();
    const file = join(await folder(), 'contracts.binpb');
    await writeContracts(file, 'ThingService');
    const { front, base } = await startWith(file, server.address);
    const status = async (path: string) => (await fetch(base + path)).status;
    expect([await status('/v1/things/a'), await status('/v1/rooms/r:listen')]).to.deep.equal([200, 404]);
    expect(await front.refresh()).to.equal(false);

    await writeContracts(file, 'ChatService');
    expect(await front.refresh()).to.equal(true);
    expect([await status('/v1/things/a'), await status('/v1/rooms/r:listen')]).to.deep.equal([404, 200]);

    for (const broken of [
      () => writeContracts(file, 'ThingService', 'BrokenService'),
      () => writeFile(file, 'nonsense'),
    ]) {
      await broken();
      expect(await front.refresh()).to.equal(false);
      expect([await status('/v1/things/a'), await status('/v1/rooms/r:listen')]).to.deep.equal([404, 200]);
    }
  });
});
