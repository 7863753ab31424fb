import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import type { ClientTls } from '../../src/rpc/client/grpc-channel.js';
import { implementService } from '../../src/rpc/service.js';
import { openTls, type Tls, type TlsFiles } from '../../src/rpc/tls.js';
import { OPEN_POLICY } from '../support/call-fixture.js';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';
import { echoRegistry, EchoServiceDefinition } from '../support/echo-contract.js';
import { words } from '../support/echo-server.js';
import { rejection } from '../support/rejection.js';
import { requireTool } from '../support/require-tool.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';

const ORDERS = 'spiffe://example.org/orders';
const QUIET = { info: () => undefined, error: () => undefined };

describe('a call over TLS', () => {
  const closers: (() => unknown)[] = [];
  let authority: Authority;
  let files: CertificateFiles;

  before(requireTool('openssl'));

  before(() => {
    authority = createAuthority();
    files = authority.issue('server', 'IP:127.0.0.1');
  });

  after(() => authority?.close());

  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function start(tlsFiles: TlsFiles): Promise<{ server: RpcServer; tls: Tls }> {
    const tls = await openTls(tlsFiles, { log: QUIET, lookMs: 20 });
    closers.push(() => tls.close());
    const policy = { ...OPEN_POLICY, access: { kind: 'authenticated' } as const };
    const unused = () => {
      throw new Error('this handler was not expected to be called');
    };
    const handlers = {
      say: async ({ caller }: { caller: { name: string } }) => words(caller.name),
      repeat: unused,
      join: unused,
      chat: unused,
    };
    const service = implementService(EchoServiceDefinition, handlers, { policy });
    const server = await startRpcServerWith({ services: [service], registry: echoRegistry(), tls });
    closers.push(() => server.close());
    return { server, tls };
  }

  function clientOf(
    { address }: RpcServer,
    tls: ClientTls,
    token?: string,
  ): ServiceClient<typeof EchoServiceDefinition> {
    const client = createClient(EchoServiceDefinition, { address, tls, ...(token !== undefined && { token }) });
    closers.push(() => client.close());
    return client;
  }

  const showing = ({ certFile, keyFile }: CertificateFiles): ClientTls => ({
    ca: authority.ca,
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
  });

  it('goes through with a token', async () => {
    const { server } = await start(files);

    expect((await clientOf(server, { ca: authority.ca }, 'good-token').say({})).text).to.equal(
      'serviceAccounts/tester',
    );
  });

  it('is refused by a client that does not trust the server', async () => {
    const { server } = await start(files);

    expect((await rejection(clientOf(server, {}, 'good-token').say({}), CallError)).codeName).to.equal('UNAVAILABLE');
  });

  context('where clients must show a certificate', () => {
    it('is the call of the URI name in it', async () => {
      const { server } = await start({ ...files, clientCaFile: authority.caFile });
      const client = clientOf(server, showing(authority.issue('orders', `URI:${ORDERS}`)));

      expect((await client.say({})).text).to.equal(ORDERS);
    });

    it('is the call of the token, where it brings one', async () => {
      const { server } = await start({ ...files, clientCaFile: authority.caFile });
      const client = clientOf(server, showing(authority.issue('orders', `URI:${ORDERS}`)), 'good-token');

      expect((await client.say({})).text).to.equal('serviceAccounts/tester');
    });

    it('is nobody’s with two URI names', async () => {
      const { server } = await start({ ...files, clientCaFile: authority.caFile });
      const client = clientOf(server, showing(authority.issue('two', `URI:${ORDERS},URI:spiffe://example.org/b`)));

      expect((await rejection(client.say({}), CallError)).reason).to.equal('TOKEN_MISSING');
    });

    it('does not go through without one, or with that of a stranger', async () => {
      const { server } = await start({ ...files, clientCaFile: authority.caFile });
      const stranger = createAuthority();
      const foreign = { ...showing(stranger.issue('foreign', `URI:${ORDERS}`)), ca: authority.ca };
      stranger.close();

      for (const tls of [{ ca: authority.ca }, foreign]) {
        const err = await rejection(clientOf(server, tls, 'good-token').say({}), CallError);
        expect(err.codeName).to.equal('UNAVAILABLE');
      }
    });
  });

  context('when the files change', () => {
    it('goes on on the connection that stands, and new connections get the new certificate', async () => {
      const own = authority.issue('changing', 'IP:127.0.0.1');
      const { server } = await start(own);
      const client = clientOf(server, { ca: authority.ca }, 'good-token');
      await client.say({});
      const before = await serialOf(server);

      const next = authority.issue('next', 'IP:127.0.0.1');
      copyFileSync(next.keyFile, own.keyFile);
      copyFileSync(next.certFile, own.certFile);
      while ((await serialOf(server)) === before) await new Promise((resolve) => setTimeout(resolve, 20));

      expect((await client.say({})).text).to.equal('serviceAccounts/tester');
      expect((await clientOf(server, { ca: authority.ca }, 'good-token').say({})).text).not.to.equal('');
    });

    it('keeps the old ones where the new are broken', async () => {
      const own = authority.issue('breaking', 'IP:127.0.0.1');
      let complained: (value: unknown) => void = () => undefined;
      const complaint = new Promise((resolve) => {
        complained = resolve;
      });
      const tls = await openTls(own, { log: { info: () => undefined, error: complained }, lookMs: 20 });
      closers.push(() => tls.close());
      const before = tls.options();

      writeFileSync(own.certFile, 'no certificate');
      await complaint;

      expect(tls.options()).to.equal(before);
    });
  });

  function serialOf({ address }: RpcServer): Promise<string> {
    const [host = '', port = ''] = address.split(':');
    return new Promise((resolve, reject) => {
      const socket = connectTls({ host, port: Number(port), ca: authority.ca, ALPNProtocols: ['h2'] }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  }
});
