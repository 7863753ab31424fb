import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { ServerReflectionDefinition as V1 } from '../../gen/grpc/reflection/v1/reflection.js';
import { ServerReflectionDefinition as V1Alpha } from '../../gen/grpc/reflection/v1alpha/reflection.js';
import { HealthCheckResponse_ServingStatus as ServingStatus, HealthDefinition } from '../../gen/health/v1/health.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { rejection } from '../support/rejection.js';

type Answers = Awaited<ReturnType<typeof ask>>;

describe('health and reflection', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp();
  });

  after(() => app.close());

  it('tells without a token that the server and each of its services serve', async () => {
    const health = createClient(HealthDefinition, { address: app.address });
    const overall = await health.check({ service: '' });
    const documents = await health.check({ service: 'keelson.documents.v1.DocumentService' });
    const stranger = await rejection(health.check({ service: 'nobody' }), CallError);
    health.close();

    expect(overall.status).to.equal(ServingStatus.SERVING);
    expect(documents.status).to.equal(ServingStatus.SERVING);
    expect(stranger.codeName).to.equal('NOT_FOUND');
  });

  for (const [version, definition] of [
    ['v1', V1],
    ['v1alpha', V1Alpha],
  ] as const) {
    describe(`reflection ${version}`, () => {
      it('lists the services', async () => {
        const [answer] = await ask(app, definition, { $case: 'listServices', value: '' });

        expect(JSON.stringify(answer)).to.include('keelson.documents.v1.DocumentService');
      });

      for (const symbol of [
        'keelson.documents.v1.DocumentService',
        'keelson.documents.v1.DocumentService.GetDocument',
        'keelson.documents.v1.Document',
        'keelson.documents.v1.Document.fields',
        'keelson.options.v1.Idempotency.IDEMPOTENCY_UNSPECIFIED',
      ]) {
        it(`gives the file of ${symbol}, with its comments, and all that it imports`, async () => {
          const [answer] = await ask(app, definition, { $case: 'fileContainingSymbol', value: symbol });

          const files = filesOf(answer);
          expect(files[0]?.sourceCodeInfo?.location.some(({ leadingComments }) => leadingComments !== '')).to.equal(
            true,
          );
          const names = new Set(files.map(({ name }) => name));
          for (const name of files.flatMap(({ dependency }) => dependency)) expect(names).to.include(name);
        });
      }

      it('gives the file of an extension, and the numbers of all that a message has', async () => {
        const options = 'google.protobuf.MethodOptions';
        const [file, numbers] = await ask(
          app,
          definition,
          { $case: 'fileContainingExtension', value: { containingType: options, extensionNumber: 50_541 } },
          { $case: 'allExtensionNumbersOfType', value: options },
        );

        expect(filesOf(file)[0]?.name).to.equal('keelson/options/v1/options.proto');
        expect(numbers).to.have.nested.property('value.extensionNumber').that.includes(50_541);
      });

      it('says NOT_FOUND for what is not there, and goes on', async () => {
        const answers = await ask(
          app,
          definition,
          { $case: 'fileContainingSymbol', value: 'no.such.Thing' },
          { $case: 'fileByFilename', value: 'no/such.proto' },
          { $case: 'listServices', value: '' },
        );

        expect(answers.map((answer) => answer?.$case)).to.deep.equal([
          'errorResponse',
          'errorResponse',
          'listServicesResponse',
        ]);
      });
    });
  }

  context('when the settings make neither public', () => {
    it('want a token', async () => {
      const closed = await startTestApp({ KEELSON_PUBLIC_SERVICES: 'none' });
      const health = createClient(HealthDefinition, { address: closed.address });
      const err = await rejection(health.check({ service: '' }), CallError);
      const reflectionErr = await rejection(ask(closed, V1, { $case: 'listServices', value: '' }), CallError);
      const known = createClient(HealthDefinition, closed);
      const { status } = await known.check({ service: '' });
      health.close();
      known.close();
      await closed.close();

      expect(err.reason).to.equal('TOKEN_MISSING');
      expect(reflectionErr.reason).to.equal('TOKEN_MISSING');
      expect(status).to.equal(ServingStatus.SERVING);
    });
  });
});

type Question =
  | { $case: 'listServices' | 'fileContainingSymbol' | 'fileByFilename' | 'allExtensionNumbersOfType'; value: string }
  | { $case: 'fileContainingExtension'; value: { containingType: string; extensionNumber: number } };

async function ask({ address }: { address: string }, definition: typeof V1 | typeof V1Alpha, ...questions: Question[]) {
  // The two versions differ in name only.
  const client = createClient(definition as typeof V1, { address });
  const requests = async function* () {
    for (const messageRequest of questions) yield { messageRequest };
  };
  const answers = [];
  try {
    for await (const { messageResponse } of client.serverReflectionInfo(requests())) answers.push(messageResponse);
  } finally {
    client.close();
  }
  return answers;
}

function filesOf(answer: Answers[number]) {
  if (answer?.$case !== 'fileDescriptorResponse') throw new Error(`Expected files, got ${JSON.stringify(answer)}`);
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}
