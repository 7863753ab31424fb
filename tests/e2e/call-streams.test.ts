import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { ServerReflectionDefinition } from '../../gen/grpc/reflection/v1/reflection.js';
import { HealthCheckResponse_ServingStatus } from '../../gen/health/v1/health.js';
import type { HealthCheckResponse } from '../../gen/health/v1/health.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { createReflectionServices } from '../../src/rpc/builtin/reflection.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { createDescriptorIndex } from '../../src/rpc/descriptor-index.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { aDocument, NAME, OPEN_POLICY, startCallFixture, type CallFixture } from '../support/call-fixture.js';
import { deferred } from '../support/deferred.js';
import { rejection } from '../support/rejection.js';
import { startRpcServer } from '../support/rpc-server.js';
import { onEachTransport } from '../support/on-each-transport.js';

describe('a call over gRPC', () =>
  onEachTransport(() => {
    let fixture: CallFixture;

    beforeEach(async () => {
      fixture = await startCallFixture();
    });

    afterEach(() => fixture.close());

    describe('that streams answers', () => {
      it('gives them in order', async () => {
        fixture.healthHandlers.watch = async function* () {
          for (const status of [1, 2, 1]) yield { status };
        };

        const statuses = [];
        for await (const { status } of fixture.health.watch({ service: '' })) statuses.push(status);

        expect(statuses).to.deep.equal([1, 2, 1]);
      });

      it('ends with the status of what the handler throws after some answers', async () => {
        fixture.healthHandlers.watch = async function* () {
          yield { status: HealthCheckResponse_ServingStatus.SERVING };
          throw new ServiceError('CONTENTION', 'later');
        };

        const statuses: number[] = [];
        const err = await rejection(
          (async () => {
            for await (const { status } of fixture.health.watch({ service: '' })) statuses.push(status);
          })(),
          CallError,
        );

        expect(statuses).to.deep.equal([1]);
        expect(err).to.include({ codeName: 'ABORTED', reason: 'CONTENTION' });
      });

      it('stops the handler when the reader stops', async () => {
        const stopped = deferred<void>();
        fixture.healthHandlers.watch = async function* (): AsyncGenerator<HealthCheckResponse> {
          try {
            for (;;) yield { status: HealthCheckResponse_ServingStatus.SERVING };
          } finally {
            stopped.resolve();
          }
        };

        for await (const { status } of fixture.health.watch({ service: '' })) {
          expect(status).to.equal(1);
          break;
        }

        await stopped.promise;
      });

      it('ends by its deadline while its reader does not read, and stops the handler', async () => {
        const stopped = deferred<void>();
        let yielded = 0;
        fixture.healthHandlers.watch = async function* (): AsyncGenerator<HealthCheckResponse> {
          try {
            for (;;) {
              yielded += 1;
              yield { status: HealthCheckResponse_ServingStatus.SERVING };
            }
          } finally {
            stopped.resolve();
          }
        };

        const reader = fixture.health.watch({ service: '' }, { timeoutMs: 300 })[Symbol.asyncIterator]();
        await reader.next();
        await stopped.promise;

        // A message takes 7 bytes of a window of 64 KiB; unbounded writing would get far beyond that in the time.
        expect(yielded).to.be.lessThan(100_000);
        expect(fixture.server.openCalls.size).to.equal(0);
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

        expect(answers.map((answer) => answer?.$case)).to.deep.equal([
          'listServicesResponse',
          'fileDescriptorResponse',
        ]);
      });
    });

    describe('during a drain', () => {
      it('that streams ends with UNAVAILABLE, one that is unary may end by itself', async () => {
        const release = deferred<void>();
        const unaryStarted = deferred<void>();
        fixture.handlers.getDocument = async (_ctx, { name }) => {
          unaryStarted.resolve();
          await release.promise;
          return aDocument(name);
        };
        fixture.healthHandlers.watch = async function* () {
          yield { status: HealthCheckResponse_ServingStatus.SERVING };
          await new Promise(() => undefined);
        };
        const unary = fixture.documents.getDocument({ name: NAME });
        const stream = fixture.health.watch({ service: '' })[Symbol.asyncIterator]();
        await stream.next();
        await unaryStarted.promise;

        const drained = fixture.server.openCalls.drain(10_000);
        const streamEnd = await rejection(stream.next(), CallError);
        const refused = await rejection(fixture.documents.getDocument({ name: NAME }), CallError);
        release.resolve();

        expect(streamEnd).to.include({ codeName: 'UNAVAILABLE', reason: 'SERVER_DRAINING' });
        expect(refused).to.include({ codeName: 'UNAVAILABLE', reason: 'SERVER_DRAINING' });
        expect((await unary).name).to.equal(NAME);
        await drained;
      });

      it('that outlasts the budget ends with UNAVAILABLE', async () => {
        const started = deferred<void>();
        fixture.handlers.getDocument = () => {
          started.resolve();
          return new Promise(() => undefined);
        };
        const call = rejection(fixture.documents.getDocument({ name: NAME }), CallError);
        await started.promise;

        await fixture.server.openCalls.drain(20);

        expect((await call).codeName).to.equal('UNAVAILABLE');
      });
    });
  }));
