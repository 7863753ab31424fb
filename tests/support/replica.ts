import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { CACHE_KEYS_COLLECTION, createCachedLedger } from '../../src/repositories/cached-ledger.js';
import { createDocumentServiceOn, DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { declareResources } from '../../src/repositories/resource.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import type { ConsistencySession } from '../../src/rpc/client/consistency-session.js';
import type { Engine } from './engine.js';
import { GOOD_TOKEN, startRpcServerWith, type RpcServer } from './rpc-server.js';
import { SILENT_LOGGER } from './silent-logger.js';

const NEVER_MS = 3_600_000;

/** A process of its own as far as the ledger is concerned, which serves documents. */
export interface Replica {
  readonly server: RpcServer;
  readonly databaseId: string;
  connect(session?: ConsistencySession): ServiceClient<typeof DocumentServiceDefinition>;
  close(): Promise<void>;
}

/** Starts a replica that hears of what others commit only when it has to ask. */
export async function startReplica(engine: Engine): Promise<Replica> {
  const store = await engine.open();
  const ledger = await createLedger({ store, logger: SILENT_LOGGER, pollIntervalMs: NEVER_MS });
  await ledger.declareCollections([CACHE_KEYS_COLLECTION]);
  await declareResources(ledger, DOCUMENT_RESOURCES);
  const cached = await createCachedLedger({ ledger });
  const { databaseId } = ledger;
  const services = [createDocumentServiceOn(cached)];
  const server = await startRpcServerWith({ services, databaseId });
  const clients = new Set<{ close(): void }>();
  return {
    server,
    databaseId,
    connect(session) {
      const options = { address: server.address, token: GOOD_TOKEN, ...(session && { session }) };
      const client = createClient(DocumentServiceDefinition, options);
      clients.add(client);
      return client;
    },
    async close() {
      for (const client of clients) client.close();
      await server.close();
      await cached.close();
    },
  };
}
