import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { createGrpcTransport } from '../../src/rpc/client/grpc-transport.js';
import { createInProcessTransport } from '../../src/rpc/client/in-process-transport.js';
import { ServiceClients } from '../../src/rpc/client/service-clients.js';
import type { Transport } from '../../src/rpc/client/transport.js';
import { createServiceConfig } from '../../src/rpc/client/service-config.js';
import { HealthDefinition } from '../../gen/health/v1/health.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { implementService, type Handlers } from '../../src/rpc/service.js';
import { aDocument, OPEN_POLICY } from '../support/call-fixture.js';
import { READER_TOKEN, startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { rejection } from '../support/rejection.js';

const NAME = 'collections/notes/documents/first';

/** Where the service that is called runs: a handler must not be able to tell. */
const PLACES: Readonly<Record<string, (server: RpcServer) => Transport>> = {
  'the same process': (server) => createInProcessTransport(server),
  'another process': ({ address }) =>
    createGrpcTransport({ address, serviceConfig: createServiceConfig(DocumentServiceDefinition) }),
};

describe('the client of another service, in a context', () => {
  for (const [place, connect] of Object.entries(PLACES)) {
    context(`where that service runs in ${place}`, () => {
      let server: RpcServer;
      let transport: Transport;
      let caller: string;
      let requestIds: string[];
      let health: ServiceClient<typeof HealthDefinition>;

      before(async () => {
        const clients = new ServiceClients();
        const unexpected = () => Promise.reject(new Error('this handler was not expected to be called'));
        const documents = implementService(DocumentServiceDefinition, {
          ...(Object.fromEntries(
            Object.keys(DocumentServiceDefinition.methods).map((key) => [key, unexpected]),
          ) as unknown as Handlers<typeof DocumentServiceDefinition>),
          async getDocument(ctx, { name }) {
            caller = ctx.caller.name;
            requestIds.push(ctx.requestId);
            return aDocument(name);
          },
        });
        const asking = implementService(
          HealthDefinition,
          {
            async check(ctx) {
              requestIds.push(ctx.requestId);
              await ctx.client(DocumentServiceDefinition).getDocument({ name: NAME });
              return { status: 1 };
            },
            list: unexpected,
            async *watch() {
              yield { status: 1 };
            },
          },
          { policy: OPEN_POLICY },
        );
        server = await startRpcServerWith({ services: [documents, asking], clients });
        transport = connect(server);
        clients.connect(transport);
      });

      after(async () => {
        transport.close();
        await server.close();
      });

      beforeEach(() => {
        caller = '';
        requestIds = [];
      });

      afterEach(() => health.close());

      it('calls in the name of the caller, under the same request id', async () => {
        health = createClient(HealthDefinition, { address: server.address, token: READER_TOKEN });
        await health.check({});

        expect(caller).to.equal('serviceAccounts/reader');
        expect(new Set(requestIds).size).to.equal(1);
        expect(requestIds).to.have.length(2);
      });

      it('has no more rights than the caller', async () => {
        health = createClient(HealthDefinition, { address: server.address, attemptsMax: 1 });
        const err = await rejection(health.check({}), CallError);

        expect(err.codeName).to.equal('INTERNAL');
        expect(caller).to.equal('');
      });
    });
  }
});
