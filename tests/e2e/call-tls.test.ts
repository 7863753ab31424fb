import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import type { ClientTls } from '../../src/rpc/client/grpc-channel.js';
import { implementService } from '../../src/rpc/service.js';
import { openTls, type Tls, type TlsFiles } from '../../src/rpc/tls.js';
import { OPEN_POLICY } from '../support/call-fixture.js';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';
import { echoRegistry, EchoServiceDefinition, type Words } from '../support/echo-contract.js';
import { words } from '../support/echo-server.js';
import { onEachTransport } from '../support/on-each-transport.js';
import { rejection } from '../support/rejection.js';
import { requireTool } from '../support/require-tool.js';
import { startRpcServerWith, type RpcServer } from '../support/rpc-server.js';

const ORDERS = 'spiffe://example.org/orders';
const QUIET = { info: () => undefined, error: () => undefined };

onEachTransport(() => {
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
        async *chat(_ctx: unknown, requests: AsyncIterable<Words>) {
          yield* requests;
        },
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

        const sent = pipeOf<Words>();
        const answers = client.chat(sent.items)[Symbol.asyncIterator]();
        sent.push(words('before'));
        expect((await answers.next()).value).to.include({ text: 'before' });

        replace(own, authority.issue('next', 'IP:127.0.0.1'));
        while ((await serialOf(server)) === before) await new Promise((resolve) => setTimeout(resolve, 20));

        sent.push(words('after'));
        expect((await answers.next()).value).to.include({ text: 'after' });
        sent.end();
        expect((await answers.next()).done).to.equal(true);
        expect((await client.say({})).text).to.equal('serviceAccounts/tester');
        expect((await clientOf(server, { ca: authority.ca }, 'good-token').say({})).text).not.to.equal('');
      });

      it('takes clients of the new authority, and no longer those of the old', async () => {
        const own = authority.issue('changing-ca', 'IP:127.0.0.1');
        const other = createAuthority();
        closers.push(() => other.close());
        const clientCaFile = `${own.certFile}.ca`;
        copyFileSync(authority.caFile, clientCaFile);
        const { server, tls } = await start({ ...own, clientCaFile });
        const before = tls.options();

        copyFileSync(other.caFile, clientCaFile);
        while (tls.options() === before) await new Promise((resolve) => setTimeout(resolve, 20));

        const known = { ...showing(other.issue('orders', `URI:${ORDERS}`)), ca: authority.ca };
        expect((await clientOf(server, known).say({})).text).to.equal(ORDERS);
        const old = clientOf(server, showing(authority.issue('old', `URI:${ORDERS}`)));
        expect((await rejection(old.say({}), CallError)).codeName).to.equal('UNAVAILABLE');
      });

      it('shows a client’s new certificate on its next connection', async () => {
        const { server } = await start({ ...files, clientCaFile: authority.caFile });
        const proxy = await startCuttingProxy(server.address);
        closers.push(() => proxy.close());
        const own = authority.issue('client', `URI:${ORDERS}`);
        const client = clientOf(
          { ...server, address: proxy.address },
          { caFile: authority.caFile, certFile: own.certFile, keyFile: own.keyFile, lookMs: 20 },
        );
        expect((await client.say({})).text).to.equal(ORDERS);

        replace(own, authority.issue('next-client', 'URI:spiffe://example.org/billing'));
        let name = ORDERS;
        while (name === ORDERS) {
          proxy.cut();
          name = await client.say({}).then(
            ({ text }) => text,
            // Cut in the middle of a call, or before the next connection is there.
            () => ORDERS,
          );
        }

        expect(name).to.equal('spiffe://example.org/billing');
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
});

function replace(own: CertificateFiles, next: CertificateFiles): void {
  copyFileSync(next.keyFile, own.keyFile);
  copyFileSync(next.certFile, own.certFile);
}

/** Items that a test hands out one by one. */
function pipeOf<T>() {
  const waiting: T[] = [];
  let wake: () => void = () => undefined;
  let isOver = false;
  async function* read(): AsyncGenerator<T> {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (isOver) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  return {
    items: read(),
    push(item: T) {
      waiting.push(item);
      wake();
    },
    end() {
      isOver = true;
      wake();
    },
  };
}

/** A way to a server whose connections a test can cut. */
async function startCuttingProxy(target: string) {
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of [...sockets]) socket.destroy();
  };
  const server = createSocketServer((inbound) => {
    const outbound = connectSocket({ host: '127.0.0.1', port: Number(target.split(':')[1]) });
    for (const socket of [inbound, outbound]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        inbound.destroy();
        outbound.destroy();
      });
    }
    inbound.pipe(outbound).pipe(inbound);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    close() {
      cut();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
