import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createHealthService, HealthRegistry } from '../../src/rpc/builtin/health.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { startEchoServer } from '../support/echo-server.js';
import { aDocument, NAME, OPEN_POLICY } from '../support/call-fixture.js';
import { implementService, type Handlers } from '../../src/rpc/service.js';
import { GOOD_TOKEN, startRpcServerWith, type RpcServer } from '../support/rpc-server.js';

const SERVICE = DocumentServiceDefinition.fullName;
const CALLS = 20;

interface Replica {
  readonly server: RpcServer;
  readonly health: HealthRegistry;
  calls: number;
}

async function startReplica(): Promise<Replica> {
  const health = new HealthRegistry();
  health.setAll([SERVICE], { serving: true });
  const unexpected = () => Promise.reject(new Error('this handler was not expected to be called'));
  const documents = implementService(DocumentServiceDefinition, {
    ...(Object.fromEntries(
      Object.keys(DocumentServiceDefinition.methods).map((key) => [key, unexpected]),
    ) as unknown as Handlers<typeof DocumentServiceDefinition>),
    async getDocument(_ctx, { name }) {
      replica.calls += 1;
      return aDocument(name);
    },
  });
  const server = await startRpcServerWith({ services: [documents, createHealthService(health, OPEN_POLICY)] });
  const replica: Replica = { server, health, calls: 0 };
  return replica;
}

describe('a client of several servers', () => {
  let first: Replica;
  let second: Replica;
  let client: ServiceClient<typeof DocumentServiceDefinition>;

  beforeEach(async () => {
    [first, second] = await Promise.all([startReplica(), startReplica()]);
    const address = `ipv4:${first.server.address},${second.server.address}`;
    client = createClient(DocumentServiceDefinition, { address, token: GOOD_TOKEN, attemptsMax: 1 });
  });

  afterEach(async () => {
    client.close();
    await Promise.all([first.server.close(), second.server.close()]);
  });

  async function share(): Promise<readonly [number, number]> {
    first.calls = 0;
    second.calls = 0;
    for (let i = 0; i < CALLS; i += 1) await client.getDocument({ name: NAME });
    return [first.calls, second.calls];
  }

  /** Calls until the calls go as they should; the time of the test is the limit. */
  async function shareBecomes(expected: (counts: readonly [number, number]) => boolean): Promise<void> {
    while (!expected(await share()));
  }

  const areBoth = ([one, two]: readonly [number, number]) => one > 0 && two > 0;

  it('sends none to one that says NOT_SERVING, and again when it serves', async () => {
    await shareBecomes(areBoth);

    first.health.setAll([SERVICE], { serving: false });
    await shareBecomes(([one]) => one === 0);
    for (let i = 0; i < 10; i += 1) expect(await share()).to.deep.equal([0, CALLS]);

    first.health.setAll([SERVICE], { serving: true });
    await shareBecomes(areBoth);
  });

  it('looks at the service that is called, not at others', async () => {
    first.health.setNeeds(SERVICE, ['database']);
    await shareBecomes(areBoth);

    first.health.setDependency('database', { working: false });
    await shareBecomes(([one]) => one === 0);
    first.health.setDependency('database', { working: true });
    await shareBecomes(areBoth);
  });

  it('fails calls with UNAVAILABLE while none serves', async () => {
    await shareBecomes(areBoth);
    for (const { health } of [first, second]) health.setAll([SERVICE], { serving: false });

    let err: CallError | undefined;
    while (err === undefined) {
      err = await client.getDocument({ name: NAME }).then(
        () => undefined,
        (caught: unknown) => caught as CallError,
      );
    }
    expect(err).to.be.instanceOf(CallError).and.include({ codeName: 'UNAVAILABLE', isLocal: true });

    second.health.setAll([SERVICE], { serving: true });
    while ((await client.getDocument({ name: NAME }).catch(() => undefined)) === undefined);
    expect(await share()).to.deep.equal([0, CALLS]);
  });

  it('calls servers that know no health', async () => {
    const echoes = await Promise.all([startEchoServer(), startEchoServer()]);
    const address = `ipv4:${echoes.map((echo) => echo.address).join(',')}`;
    const echo = createClient(EchoServiceDefinition, { address });
    const said = () => echoes.map(({ logLines }) => logLines.filter(({ code }) => code === 'OK').length);
    while (said().includes(0)) await echo.say({ text: 'a' });
    for (let i = 0; i < CALLS; i += 1) await echo.say({ text: 'a' });
    echo.close();
    await Promise.all(echoes.map((server) => server.close()));

    expect(Math.min(...said())).to.be.at.least(CALLS / 2);
  });

  it('ends its watches when it closes', async () => {
    await shareBecomes(areBoth);
    while (first.server.openCalls.size === 0 || second.server.openCalls.size === 0) await share();
    client.close();

    while (first.server.openCalls.size + second.server.openCalls.size > 0) await setImmediate();
  });
});
