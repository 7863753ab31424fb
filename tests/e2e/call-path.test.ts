import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import type { Document } from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import type { CallContext } from '../../src/rpc/context.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { aDocument, NAME, startCallFixture, type CallFixture } from '../support/call-fixture.js';
import { deferred } from '../support/deferred.js';
import { rejection } from '../support/rejection.js';
import { READER_TOKEN } from '../support/rpc-server.js';
import { onEachTransport } from '../support/on-each-transport.js';

describe('a unary call over gRPC', () =>
  onEachTransport(() => {
    let fixture: CallFixture;

    beforeEach(async () => {
      fixture = await startCallFixture();
    });

    afterEach(() => fixture.close());

    it('reaches the handler with its caller, and the answer comes back', async () => {
      let caller = '';
      fixture.handlers.getDocument = async (ctx, { name }) => {
        caller = ctx.caller.name;
        return aDocument(name);
      };

      const document = await fixture.documents.getDocument({ name: NAME });

      expect(document.name).to.equal(NAME);
      expect(document.fields).to.deep.equal({ text: 'hello' });
      expect(caller).to.equal('serviceAccounts/tester');
    });

    it('leaves one line in the log', async () => {
      await fixture.documents.getDocument({ name: NAME }, { metadata: { 'x-request-id': 'r-17' } });

      const lines = fixture.server.logLines.filter(({ requestId }) => requestId === 'r-17');
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include({
        method: 'keelson.documents.v1.DocumentService/GetDocument',
        protocol: 'grpc',
        code: 'OK',
        caller: 'serviceAccounts/tester',
        msg: 'call',
      });
    });

    context('without a token', () => {
      it('fails with UNAUTHENTICATED', async () => {
        const stranger = createClient(DocumentServiceDefinition, { address: fixture.server.address });
        const err = await rejection(stranger.getDocument({ name: NAME }), CallError);
        stranger.close();

        expect(err).to.include({ codeName: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING' });
      });
    });

    context('with a wrong token', () => {
      it('fails with UNAUTHENTICATED before the request is looked at', async () => {
        const stranger = createClient(DocumentServiceDefinition, { address: fixture.server.address, token: 'wrong' });
        const err = await rejection(stranger.getDocument({ name: 'not a name' }), CallError);
        stranger.close();

        expect(err).to.include({ codeName: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' });
      });
    });

    context('with a token that lacks the permission', () => {
      it('fails with PERMISSION_DENIED and the handler is not called', async () => {
        const reader = createClient(DocumentServiceDefinition, {
          address: fixture.server.address,
          token: READER_TOKEN,
        });
        const err = await rejection(reader.deleteDocument({ name: NAME }), CallError);
        const document = await reader.getDocument({ name: NAME });
        reader.close();

        expect(err).to.include({ codeName: 'PERMISSION_DENIED', reason: 'PERMISSION_DENIED' });
        expect(document.name).to.equal(NAME);
      });
    });

    context('with a request that breaks the rules of its contract', () => {
      it('fails with INVALID_ARGUMENT and every violation', async () => {
        const err = await rejection(
          fixture.documents.createDocument({ parent: 'nowhere', documentId: 'a/b', requestId: 'no-uuid' }),
          CallError,
        );

        expect(err).to.include({ codeName: 'INVALID_ARGUMENT', reason: 'INVALID_REQUEST' });
        expect(err.violations.map(({ field }) => field)).to.have.members([
          'parent',
          'document',
          'document_id',
          'request_id',
        ]);
      });
    });

    context('when the handler throws something unexpected', () => {
      it('fails with INTERNAL, tells nothing of it, and logs the cause', async () => {
        fixture.handlers.getDocument = async () => {
          throw Object.assign(new Error('password is hunter2'), { code: 5 });
        };

        const err = await rejection(fixture.documents.getDocument({ name: NAME }), CallError);

        expect(err).to.include({ codeName: 'INTERNAL', reason: 'INTERNAL' });
        expect(err.message).to.match(/^Internal error \(request [0-9a-f-]{36}\)$/);
        expect(JSON.stringify(err)).not.to.include('hunter2');
        const line = fixture.server.logLines.find(({ code }) => code === 'INTERNAL');
        expect(JSON.stringify(line?.['err'])).to.include('hunter2');
      });
    });

    context('when the handler throws before it returns a promise', () => {
      it('fails with INTERNAL', async () => {
        fixture.handlers.getDocument = () => {
          throw new TypeError('sync');
        };

        const err = await rejection(fixture.documents.getDocument({ name: NAME }), CallError);

        expect(err.codeName).to.equal('INTERNAL');
      });
    });

    context('when the handler returns nothing', () => {
      it('fails with INTERNAL', async () => {
        fixture.handlers.getDocument = async () => undefined as unknown as Document;

        const err = await rejection(fixture.documents.getDocument({ name: NAME }), CallError);

        expect(err.codeName).to.equal('INTERNAL');
      });
    });

    context('when the handler never ends', () => {
      it('ends with the deadline of the caller', async () => {
        const aborted = deferred<unknown>();
        fixture.handlers.getDocument = (ctx) => {
          ctx.signal.addEventListener('abort', () => aborted.resolve(ctx.signal.reason));
          return new Promise(() => undefined);
        };

        const err = await rejection(fixture.documents.getDocument({ name: NAME }, { timeoutMs: 50 }), CallError);

        expect(err.codeName).to.equal('DEADLINE_EXCEEDED');
        expect(await aborted.promise).to.be.instanceOf(ServiceError);
        expect(fixture.server.openCalls.size).to.equal(0);
      });

      it('ends when the caller cancels', async () => {
        const started = deferred<CallContext>();
        const aborted = deferred<void>();
        fixture.handlers.getDocument = (ctx) => {
          ctx.signal.addEventListener('abort', () => aborted.resolve());
          started.resolve(ctx);
          return new Promise(() => undefined);
        };
        const controller = new AbortController();
        const call = rejection(fixture.documents.getDocument({ name: NAME }, { signal: controller.signal }), CallError);
        await started.promise;

        controller.abort();

        expect((await call).codeName).to.equal('CANCELLED');
        await aborted.promise;
        expect(fixture.server.openCalls.size).to.equal(0);
      });
    });

    context('whose caller sets no deadline', () => {
      it('gets the one of its contract', async () => {
        let remainingMs = 0;
        fixture.handlers.getDocument = async (ctx, { name }) => {
          remainingMs = ctx.remainingMs();
          return aDocument(name);
        };

        await fixture.documents.getDocument({ name: NAME });

        expect(remainingMs).to.be.within(3000, 5000);
      });
    });

    context('whose caller asks for more time than its contract allows', () => {
      it('is cut to what the contract allows', async () => {
        let remainingMs = 0;
        fixture.handlers.getDocument = async (ctx, { name }) => {
          remainingMs = ctx.remainingMs();
          return aDocument(name);
        };

        await fixture.documents.getDocument({ name: NAME }, { timeoutMs: 3_600_000 });

        expect(remainingMs).to.be.within(50_000, 60_000);
      });
    });

    for (const [what, text] of Object.entries({
      'a lone surrogate': 'broken \ud83d text',
      'NUL and percent signs': 'a\0b %zz %00 100%',
      'a line break': 'one\r\ntwo',
      '64 KiB of emoji': '\u{1f600}'.repeat(16_384),
    })) {
      it(`keeps code and reason when the error text has ${what}`, async () => {
        fixture.handlers.getDocument = async () => {
          throw new ServiceError('RESOURCE_NOT_FOUND', text);
        };

        const err = await rejection(fixture.documents.getDocument({ name: NAME }), CallError);

        expect(err).to.include({ codeName: 'NOT_FOUND', reason: 'RESOURCE_NOT_FOUND' });
        expect(text.toWellFormed()).to.satisfy((whole: string) => whole.startsWith(err.message.replace(/…$/, '')));
      });
    }
  }));
