import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { clientFor, createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { encodeToken } from '../../src/rpc/consistency-token.js';
import type { CallContext } from '../../src/rpc/context.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { aDocument, NAME, startCallFixture, type CallFixture } from '../support/call-fixture.js';
import { deferred } from '../support/deferred.js';
import { startEchoServer } from '../support/echo-server.js';
import { onEachTransport } from '../support/on-each-transport.js';
import { rejection } from '../support/rejection.js';
import { GOOD_TOKEN } from '../support/rpc-server.js';

const PARENT = 'collections/notes';
const TOKEN = encodeToken({ databaseId: '4c2f9d9e-55a8-4a52-9b8e-3d1c6f0d7a11', revision: 17 });
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('createClient()', () => {
  onEachTransport(() => {
    let fixture: CallFixture;
    let client: ServiceClient<typeof DocumentServiceDefinition>;

    beforeEach(async () => {
      fixture = await startCallFixture();
      client = createClient(DocumentServiceDefinition, { address: fixture.server.address, token: GOOD_TOKEN });
    });

    afterEach(async () => {
      client.close();
      await fixture.close();
    });

    function unavailable(retryDelayMs?: number): ServiceError {
      return new ServiceError('STORE_UNAVAILABLE', 'not now', retryDelayMs === undefined ? {} : { retryDelayMs });
    }

    context('when a call that changes nothing meets UNAVAILABLE', () => {
      it('repeats it', async () => {
        let calls = 0;
        fixture.handlers.getDocument = async (_ctx, { name }) => {
          calls += 1;
          if (calls < 3) throw unavailable(1);
          return aDocument(name);
        };

        expect((await client.getDocument({ name: NAME })).name).to.equal(NAME);
        expect(calls).to.equal(3);
      });

      it('waits as long as RetryInfo says', async () => {
        const timesMs: number[] = [];
        fixture.handlers.getDocument = async (_ctx, { name }) => {
          timesMs.push(performance.now());
          if (timesMs.length === 1) throw unavailable(250);
          return aDocument(name);
        };

        await client.getDocument({ name: NAME });

        expect((timesMs[1] ?? 0) - (timesMs[0] ?? 0)).to.be.at.least(245);
      });

      it('gets its answer though the handler sends metadata that no header can hold', async () => {
        fixture.handlers.getDocument = async () => {
          throw new ServiceError('CONTENTION', '\ud800\r\n', { metadata: { '\0': '\ud800' } });
        };

        expect((await rejection(client.getDocument({ name: NAME }), CallError)).reason).to.equal('CONTENTION');
      });

      it('gives up after four tries', async () => {
        let calls = 0;
        fixture.handlers.getDocument = async () => {
          calls += 1;
          throw unavailable(1);
        };

        expect((await rejection(client.getDocument({ name: NAME }), CallError)).reason).to.equal('STORE_UNAVAILABLE');
        expect(calls).to.equal(4);
      });

      it('stops repeating when nearly everything fails', async () => {
        let calls = 0;
        fixture.handlers.getDocument = async () => {
          calls += 1;
          throw unavailable(0);
        };

        for (let i = 0; i < 60; i += 1) await rejection(client.getDocument({ name: NAME }), CallError);
        calls = 0;
        await rejection(client.getDocument({ name: NAME }), CallError);

        expect(calls).to.equal(1);
      });
    });

    context('when a call meets another failure', () => {
      it('does not repeat it', async () => {
        let calls = 0;
        fixture.handlers.getDocument = async () => {
          calls += 1;
          throw new ServiceError('CONTENTION', 'busy', { retryDelayMs: 1 });
        };

        await rejection(client.getDocument({ name: NAME }), CallError);

        expect(calls).to.equal(1);
      });
    });

    context('when a change is safe to repeat by its request_id', () => {
      it('makes one, and repeats the call with the same', async () => {
        const ids: string[] = [];
        fixture.handlers.createDocument = async (_ctx, { requestId }) => {
          ids.push(requestId);
          if (ids.length === 1) throw unavailable(1);
          return aDocument(NAME);
        };

        await client.createDocument({ parent: PARENT, documentId: 'first', document: { fields: {} } });

        expect(ids).to.have.length(2);
        expect(ids[0]).to.match(/^[0-9a-f-]{36}$/);
        expect(ids[1]).to.equal(ids[0]);
      });

      it('keeps the one that the caller has chosen', async () => {
        const requestId = '7f9c24e8-3b12-4fef-91e0-cb3a9d6c2f44';
        let seen = '';
        fixture.handlers.createDocument = async (_ctx, request) => {
          seen = request.requestId;
          return aDocument(NAME);
        };

        await client.createDocument({ parent: PARENT, documentId: 'first', document: { fields: {} }, requestId });

        expect(seen).to.equal(requestId);
      });
    });

    context('when the contract does not say that a call is safe to repeat', () => {
      it('does not repeat it', async () => {
        const echo = await startEchoServer();
        let calls = 0;
        echo.handlers.say = async () => {
          calls += 1;
          throw unavailable(1);
        };

        await rejection(echo.client.say({ text: 'a' }), CallError);
        await echo.close();

        expect(calls).to.equal(1);
      });
    });

    it('spreads calls over all addresses', async () => {
      const other = await startCallFixture();
      const address = `ipv4:${fixture.server.address},${other.server.address}`;
      const both = createClient(DocumentServiceDefinition, { address, token: GOOD_TOKEN });
      for (let i = 0; i < 50; i += 1) await both.getDocument({ name: NAME });
      both.close();
      await other.close();

      expect(fixture.server.logLines.length).to.be.at.least(10);
      expect(other.server.logLines.length).to.be.at.least(10);
    });

    it('encodes metadata that no header can hold', async () => {
      await client.getDocument({ name: NAME }, { metadata: { 'x-note': 'a\ud800\n\u{1f600}' } });
    });
  });
});

describe('clientFor()', () => {
  let outer: CallFixture;
  let inner: CallFixture;

  beforeEach(async () => {
    [outer, inner] = await Promise.all([startCallFixture(), startCallFixture()]);
  });

  afterEach(async () => {
    await Promise.all([outer.close(), inner.close()]);
  });

  it('carries request id, trace and consistency token of the call on', async () => {
    outer.handlers.getDocument = (ctx, { name }) => clientFor(inner.documents, ctx).getDocument({ name });
    let seen: CallContext | undefined;
    inner.handlers.getDocument = async (ctx, { name }) => {
      seen = ctx;
      return aDocument(name);
    };
    const metadata = { 'x-request-id': 'r-1', traceparent: TRACEPARENT, 'x-consistency-token': TOKEN };

    await outer.documents.getDocument({ name: NAME }, { metadata });

    expect(seen?.requestId).to.equal('r-1');
    expect(seen?.propagated().get('x-consistency-token')).to.equal(TOKEN);
    const traceIds = [outer, inner].map(({ server }) => server.logLines[0]?.['traceId']);
    expect(traceIds).to.deep.equal(['0af7651916cd43dd8448eb211c80319c', '0af7651916cd43dd8448eb211c80319c']);
  });

  it('takes no longer than the call has left', async () => {
    outer.handlers.getDocument = (ctx, { name }) => clientFor(inner.documents, ctx).getDocument({ name });
    let remainingMs = Infinity;
    inner.handlers.getDocument = async (ctx, { name }) => {
      remainingMs = ctx.remainingMs();
      return aDocument(name);
    };

    await outer.documents.getDocument({ name: NAME }, { timeoutMs: 700 });

    expect(remainingMs).to.be.at.most(700);
  });

  it('ends with the call', async () => {
    const started = deferred<void>();
    const stopped = deferred<void>();
    outer.handlers.getDocument = (ctx, { name }) => clientFor(inner.documents, ctx).getDocument({ name });
    inner.handlers.getDocument = (ctx) => {
      ctx.signal.addEventListener('abort', () => stopped.resolve());
      started.resolve();
      return new Promise(() => undefined);
    };
    const controller = new AbortController();
    const call = rejection(outer.documents.getDocument({ name: NAME }, { signal: controller.signal }), CallError);
    await started.promise;

    controller.abort();

    expect((await call).codeName).to.equal('CANCELLED');
    await stopped.promise;
  });
});
