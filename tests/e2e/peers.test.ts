import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { pino } from 'pino';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { Cleanups } from '../../src/lifecycle.js';
import { serveSplit } from '../../src/peers.js';
import { createHealthService, HealthRegistry } from '../../src/rpc/builtin/health.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import type { ClientTlsFiles } from '../../src/rpc/client/tls-files.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { createGrpcServer } from '../../src/rpc/grpc/server.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import { OpenCalls } from '../../src/rpc/open-calls.js';
import { implementService, type Handlers } from '../../src/rpc/service.js';
import { openTls, type Tls } from '../../src/rpc/tls.js';
import { aDocument, NAME, OPEN_POLICY } from '../support/call-fixture.js';
import { createAuthority, type Authority } from '../support/certificates.js';
import { rejection } from '../support/rejection.js';
import { requireTool } from '../support/require-tool.js';
import { GOOD_TOKEN, startRpcServerWith, type RpcServer } from '../support/rpc-server.js';

const SERVICE = DocumentServiceDefinition.fullName;
const log = pino({ level: 'silent' });

interface Back {
  readonly server: RpcServer;
  readonly health: HealthRegistry;
  readonly callers: string[];
}

async function startBack(tls?: Tls): Promise<Back> {
  const health = new HealthRegistry();
  health.setAll([SERVICE], { serving: true });
  const callers: string[] = [];
  const unexpected = () => Promise.reject(new Error('this handler was not expected to be called'));
  const documents = implementService(DocumentServiceDefinition, {
    ...(Object.fromEntries(
      Object.keys(DocumentServiceDefinition.methods).map((key) => [key, unexpected]),
    ) as unknown as Handlers<typeof DocumentServiceDefinition>),
    async getDocument({ caller }, { name }) {
      callers.push(caller.name);
      return aDocument(name);
    },
  });
  const services = [documents, createHealthService(health, OPEN_POLICY)];
  return { server: await startRpcServerWith({ services, ...(tls && { tls }) }), health, callers };
}

describe('a process that passes calls on to its peers', () => {
  const cleanups = new Cleanups();

  afterEach(() => cleanups.run(log));

  /** Gives the address of a process that runs no service. */
  async function startFront(address: string, tls?: { peers?: ClientTlsFiles; listener?: Tls }): Promise<string> {
    const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
    const environment = { clock: { now: () => Date.now() }, log, openCalls: new OpenCalls(), limits: DEFAULT_LIMITS };
    const access = {
      authenticator: { authenticate: () => Promise.resolve(undefined) },
      authorizer: { isAllowed: () => Promise.resolve(false) },
    };
    const remote = [{ definition: DocumentServiceDefinition, policy: undefined, address }];
    const served = serveSplit(
      { local: [], remote },
      { registry, builtin: [], environment, access, cleanups, tls: tls?.peers },
    );
    const server = createGrpcServer({ ...served, log, tls: tls?.listener });
    cleanups.add('front', () => server.close(1000));
    return `127.0.0.1:${await server.listen('127.0.0.1:0')}`;
  }

  function connect(address: string, options: object = {}): ServiceClient<typeof DocumentServiceDefinition> {
    const client = createClient(DocumentServiceDefinition, { address, attemptsMax: 1, ...options });
    cleanups.add('client', () => client.close());
    return client;
  }

  async function startBackUntilEnd(tls?: Tls): Promise<Back> {
    const back = await startBack(tls);
    cleanups.add('back', () => back.server.close());
    return back;
  }

  it('sends none to a peer that says NOT_SERVING, and again when it serves', async () => {
    const [one, two] = await Promise.all([startBackUntilEnd(), startBackUntilEnd()]);
    const client = connect(await startFront(`ipv4:${one.server.address},${two.server.address}`), { token: GOOD_TOKEN });
    const share = async () => {
      one.callers.length = 0;
      two.callers.length = 0;
      for (let i = 0; i < 20; i += 1) await client.getDocument({ name: NAME });
      return [one.callers.length, two.callers.length];
    };
    while ((await share()).includes(0));

    one.health.setAll([SERVICE], { serving: false });
    while ((await share())[0] !== 0);
    for (let i = 0; i < 5; i += 1) expect(await share()).to.deep.equal([0, 20]);

    one.health.setAll([SERVICE], { serving: true });
    while ((await share()).includes(0));
  });

  context('over mTLS', () => {
    let authority: Authority;
    let back: Back;
    let address: string;

    before(requireTool('openssl'));

    before(() => {
      authority = createAuthority();
    });

    after(() => authority?.close());

    beforeEach(async () => {
      const { caFile } = authority;
      const open = async (name: string) => {
        const tls = await openTls({ ...authority.issue(name, 'IP:127.0.0.1'), clientCaFile: caFile }, { log });
        cleanups.add(name, () => tls.close());
        return tls;
      };
      back = await startBackUntilEnd(await open('back'));
      const own = authority.issue('front-as-client', 'URI:spiffe://example.org/front');
      const peers = { caFile, ...own };
      address = await startFront(back.server.address, { peers, listener: await open('front') });
    });

    function connectWithCertificate(options: object = {}): ServiceClient<typeof DocumentServiceDefinition> {
      const { certFile, keyFile } = authority.issue('caller', 'URI:spiffe://example.org/caller');
      return connect(address, { tls: { caFile: authority.caFile, certFile, keyFile }, ...options });
    }

    it('shows its certificate, and the call is of whoever the token names', async () => {
      await connectWithCertificate({ token: GOOD_TOKEN }).getDocument({ name: NAME });

      expect(back.callers).to.deep.equal(['serviceAccounts/tester']);
    });

    it('never lets a call pass for one of its own: without a token it ends there', async () => {
      const err = await rejection(connectWithCertificate().getDocument({ name: NAME }), CallError);

      expect(err).to.include({ reason: 'TOKEN_MISSING', codeName: 'UNAUTHENTICATED' });
      expect(back.callers).to.deep.equal([]);
    });
  });
});
