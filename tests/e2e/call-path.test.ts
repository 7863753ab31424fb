import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import type { Document } from '../../gen/keelson/documents/v1/document_service.js';
import { HealthCheckResponse_ServingStatus, HealthDefinition } from '../../gen/health/v1/health.js';
import type { HealthCheckResponse } from '../../gen/health/v1/health.js';
import { Idempotency } from '../../gen/keelson/options/v1/options.js';
import { ServerReflectionDefinition } from '../../gen/grpc/reflection/v1/reflection.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { createReflectionServices } from '../../src/rpc/builtin/reflection.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import type { CallContext } from '../../src/rpc/context.js';
import { createDescriptorIndex } from '../../src/rpc/descriptor-index.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { ServiceError } from '../../src/rpc/errors.js';
import type { Policy } from '../../src/rpc/policy.js';
import { implementService, type Handlers } from '../../src/rpc/service.js';
import { rejection } from '../support/rejection.js';
import { GOOD_TOKEN, READER_TOKEN, startRpcServer, type RpcServer } from '../support/rpc-server.js';

type DocumentHandlers = Handlers<typeof DocumentServiceDefinition>;
type HealthHandlers = Handlers<typeof HealthDefinition>;

const NAME = 'collections/notes/documents/first';
const OPEN_POLICY: Policy = {
  access: { kind: 'public' },
  deadlineDefaultMs: 60_000,
  deadlineMaxMs: Infinity,
  idempotency: Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS,
};

describe('a call over gRPC', () => {
  let server: RpcServer;
  let documents: ServiceClient<typeof DocumentServiceDefinition>;
  let health: ServiceClient<typeof HealthDefinition>;
  let handlers: { -readonly [K in keyof DocumentHandlers]: DocumentHandlers[K] };
  let healthHandlers: { -readonly [K in keyof HealthHandlers]: HealthHandlers[K] };

  beforeEach(async () => {
    const unexpected = async (): Promise<never> => {
      throw new Error('this handler was not expected to be called');
    };
    handlers = {
      createDocument: unexpected,
      getDocument: async (_ctx, { name }) => aDocument(name),
      listDocuments: unexpected,
      updateDocument: unexpected,
      deleteDocument: unexpected,
    };
    healthHandlers = {
      check: unexpected,
      list: unexpected,
      // oxlint-disable-next-line eslint/require-yield
      watch: async function* () {
        throw new Error('this handler was not expected to be called');
      },
    };
    server = await startRpcServer(
      implementService(
        DocumentServiceDefinition,
        forwarding(() => handlers),
      ),
      implementService(
        HealthDefinition,
        forwarding(() => healthHandlers),
        { policy: OPEN_POLICY },
      ),
    );
    documents = createClient(DocumentServiceDefinition, { address: server.address, token: GOOD_TOKEN });
    health = createClient(HealthDefinition, { address: server.address });
  });

  afterEach(async () => {
    documents.close();
    health.close();
    await server.close();
  });

  it('reaches the handler with its caller, and the answer comes back', async () => {
    let caller = '';
    handlers.getDocument = async (ctx, { name }) => {
      caller = ctx.caller.name;
      return aDocument(name);
    };

    const document = await documents.getDocument({ name: NAME });

    expect(document.name).to.equal(NAME);
    expect(document.fields).to.deep.equal({ text: 'hello' });
    expect(caller).to.equal('serviceAccounts/tester');
  });

  it('leaves one line in the log', async () => {
    await documents.getDocument({ name: NAME }, { metadata: { 'x-request-id': 'r-17' } });

    const lines = server.logLines.filter(({ requestId }) => requestId === 'r-17');
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
      const stranger = createClient(DocumentServiceDefinition, { address: server.address });
      const err = await rejection(stranger.getDocument({ name: NAME }), CallError);
      stranger.close();

      expect(err).to.include({ codeName: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING' });
    });
  });

  context('with a wrong token', () => {
    it('fails with UNAUTHENTICATED before the request is looked at', async () => {
      const stranger = createClient(DocumentServiceDefinition, { address: server.address, token: 'wrong' });
      const err = await rejection(stranger.getDocument({ name: 'not a name' }), CallError);
      stranger.close();

      expect(err).to.include({ codeName: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' });
    });
  });

  context('with a token that lacks the permission', () => {
    it('fails with PERMISSION_DENIED and the handler is not called', async () => {
      const reader = createClient(DocumentServiceDefinition, { address: server.address, token: READER_TOKEN });
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
        documents.createDocument({ parent: 'nowhere', documentId: 'a/b', requestId: 'no-uuid' }),
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
      handlers.getDocument = async () => {
        throw Object.assign(new Error('password is hunter2'), { code: 5 });
      };

      const err = await rejection(documents.getDocument({ name: NAME }), CallError);

      expect(err).to.include({ codeName: 'INTERNAL', reason: 'INTERNAL' });
      expect(err.message).to.match(/^Internal error \(request [0-9a-f-]{36}\)$/);
      expect(JSON.stringify(err)).not.to.include('hunter2');
      const line = server.logLines.find(({ code }) => code === 'INTERNAL');
      expect(JSON.stringify(line?.['err'])).to.include('hunter2');
    });
  });

  context('when the handler throws before it returns a promise', () => {
    it('fails with INTERNAL', async () => {
      handlers.getDocument = () => {
        throw new TypeError('sync');
      };

      const err = await rejection(documents.getDocument({ name: NAME }), CallError);

      expect(err.codeName).to.equal('INTERNAL');
    });
  });

  context('when the handler returns nothing', () => {
    it('fails with INTERNAL', async () => {
      handlers.getDocument = async () => undefined as unknown as Document;

      const err = await rejection(documents.getDocument({ name: NAME }), CallError);

      expect(err.codeName).to.equal('INTERNAL');
    });
  });

  context('when the handler never ends', () => {
    it('ends with the deadline of the caller', async () => {
      const aborted = deferred<unknown>();
      handlers.getDocument = (ctx) => {
        ctx.signal.addEventListener('abort', () => aborted.resolve(ctx.signal.reason));
        return new Promise(() => undefined);
      };

      const err = await rejection(documents.getDocument({ name: NAME }, { timeoutMs: 50 }), CallError);

      expect(err.codeName).to.equal('DEADLINE_EXCEEDED');
      expect(await aborted.promise).to.be.instanceOf(ServiceError);
      expect(server.openCalls.size).to.equal(0);
    });

    it('ends when the caller cancels', async () => {
      const started = deferred<CallContext>();
      const aborted = deferred<void>();
      handlers.getDocument = (ctx) => {
        ctx.signal.addEventListener('abort', () => aborted.resolve());
        started.resolve(ctx);
        return new Promise(() => undefined);
      };
      const controller = new AbortController();
      const call = rejection(documents.getDocument({ name: NAME }, { signal: controller.signal }), CallError);
      await started.promise;

      controller.abort();

      expect((await call).codeName).to.equal('CANCELLED');
      await aborted.promise;
      expect(server.openCalls.size).to.equal(0);
    });
  });

  context('whose caller sets no deadline', () => {
    it('gets the one of its contract', async () => {
      let remainingMs = 0;
      handlers.getDocument = async (ctx, { name }) => {
        remainingMs = ctx.remainingMs();
        return aDocument(name);
      };

      await documents.getDocument({ name: NAME });

      expect(remainingMs).to.be.within(3000, 5000);
    });
  });

  context('whose caller asks for more time than its contract allows', () => {
    it('is cut to what the contract allows', async () => {
      let remainingMs = 0;
      handlers.getDocument = async (ctx, { name }) => {
        remainingMs = ctx.remainingMs();
        return aDocument(name);
      };

      await documents.getDocument({ name: NAME }, { timeoutMs: 3_600_000 });

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
      handlers.getDocument = async () => {
        throw new ServiceError('RESOURCE_NOT_FOUND', text);
      };

      const err = await rejection(documents.getDocument({ name: NAME }), CallError);

      expect(err).to.include({ codeName: 'NOT_FOUND', reason: 'RESOURCE_NOT_FOUND' });
      expect(text.toWellFormed()).to.satisfy((whole: string) => whole.startsWith(err.message.replace(/…$/, '')));
    });
  }

  describe('that streams answers', () => {
    it('gives them in order', async () => {
      healthHandlers.watch = async function* () {
        for (const status of [1, 2, 1]) yield { status };
      };

      const statuses = [];
      for await (const { status } of health.watch({ service: '' })) statuses.push(status);

      expect(statuses).to.deep.equal([1, 2, 1]);
    });

    it('ends with the status of what the handler throws after some answers', async () => {
      healthHandlers.watch = async function* () {
        yield { status: HealthCheckResponse_ServingStatus.SERVING };
        throw new ServiceError('CONTENTION', 'later');
      };

      const statuses: number[] = [];
      const err = await rejection(
        (async () => {
          for await (const { status } of health.watch({ service: '' })) statuses.push(status);
        })(),
        CallError,
      );

      expect(statuses).to.deep.equal([1]);
      expect(err).to.include({ codeName: 'ABORTED', reason: 'CONTENTION' });
    });

    it('stops the handler when the reader stops', async () => {
      const stopped = deferred<void>();
      healthHandlers.watch = async function* (): AsyncGenerator<HealthCheckResponse> {
        try {
          for (;;) yield { status: HealthCheckResponse_ServingStatus.SERVING };
        } finally {
          stopped.resolve();
        }
      };

      for await (const { status } of health.watch({ service: '' })) {
        expect(status).to.equal(1);
        break;
      }

      await stopped.promise;
    });

    it('ends by its deadline while its reader does not read, and stops the handler', async () => {
      const stopped = deferred<void>();
      let yielded = 0;
      healthHandlers.watch = async function* (): AsyncGenerator<HealthCheckResponse> {
        try {
          for (;;) {
            yielded += 1;
            yield { status: HealthCheckResponse_ServingStatus.SERVING };
          }
        } finally {
          stopped.resolve();
        }
      };

      const reader = health.watch({ service: '' }, { timeoutMs: 300 })[Symbol.asyncIterator]();
      await reader.next();
      await stopped.promise;

      // A message takes 7 bytes of a window of 64 KiB; unbounded writing would get far beyond that in the time.
      expect(yielded).to.be.lessThan(100_000);
      expect(server.openCalls.size).to.equal(0);
      await reader.return?.();
    });
  });

  describe('that streams both ways', () => {
    it('ends with a status when the caller has sent its last request', async () => {
      const index = createDescriptorIndex(readDescriptorImage(await readFile(DESCRIPTOR_IMAGE)), [
        'keelson.documents.v1.DocumentService',
      ]);
      const reflecting = await startRpcServer(...createReflectionServices(index, OPEN_POLICY));
      const client = createClient(ServerReflectionDefinition, { address: reflecting.address });
      const requests = async function* () {
        yield { messageRequest: { $case: 'listServices' as const, value: '' } };
        yield { messageRequest: { $case: 'fileContainingSymbol' as const, value: 'keelson.documents.v1.Document' } };
      };

      const answers = [];
      for await (const { messageResponse } of client.serverReflectionInfo(requests())) answers.push(messageResponse);
      client.close();
      await reflecting.close();

      expect(answers.map((answer) => answer?.$case)).to.deep.equal(['listServicesResponse', 'fileDescriptorResponse']);
    });
  });

  describe('during a drain', () => {
    it('that streams ends with UNAVAILABLE, one that is unary may end by itself', async () => {
      const release = deferred<void>();
      const unaryStarted = deferred<void>();
      handlers.getDocument = async (_ctx, { name }) => {
        unaryStarted.resolve();
        await release.promise;
        return aDocument(name);
      };
      healthHandlers.watch = async function* () {
        yield { status: HealthCheckResponse_ServingStatus.SERVING };
        await new Promise(() => undefined);
      };
      const unary = documents.getDocument({ name: NAME });
      const stream = health.watch({ service: '' })[Symbol.asyncIterator]();
      await stream.next();
      await unaryStarted.promise;

      const drained = server.openCalls.drain(10_000);
      const streamEnd = await rejection(stream.next(), CallError);
      const refused = await rejection(documents.getDocument({ name: NAME }), CallError);
      release.resolve();

      expect(streamEnd).to.include({ codeName: 'UNAVAILABLE', reason: 'SERVER_DRAINING' });
      expect(refused).to.include({ codeName: 'UNAVAILABLE', reason: 'SERVER_DRAINING' });
      expect((await unary).name).to.equal(NAME);
      await drained;
    });

    it('that outlasts the budget ends with UNAVAILABLE', async () => {
      const started = deferred<void>();
      handlers.getDocument = () => {
        started.resolve();
        return new Promise(() => undefined);
      };
      const call = rejection(documents.getDocument({ name: NAME }), CallError);
      await started.promise;

      await server.openCalls.drain(20);

      expect((await call).codeName).to.equal('UNAVAILABLE');
    });
  });
});

function aDocument(name: string): Document {
  return { name, fields: { text: 'hello' }, etag: 'e', revision: 1n, createTime: undefined, updateTime: undefined };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve: (value) => resolve(value) };
}

/** Looks each handler up at the time of the call, so that a test can put in its own. */
function forwarding<H extends object>(current: () => H): H {
  return new Proxy({} as H, {
    get: (_target, key) => (ctx: unknown, request: unknown) =>
      (Reflect.get(current(), key) as (ctx: unknown, request: unknown) => unknown)(ctx, request),
  });
}
