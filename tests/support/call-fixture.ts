import { Idempotency } from '../../gen/keelson/options/v1/options.js';
import type { Document } from '../../gen/keelson/documents/v1/document_service.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { HealthDefinition } from '../../gen/health/v1/health.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import type { Policy } from '../../src/rpc/policy.js';
import { implementService, type Handlers } from '../../src/rpc/service.js';
import { GOOD_TOKEN, startRpcServerWith, type RpcServer } from './rpc-server.js';

export const NAME = 'collections/notes/documents/first';

/** Lets everyone call, for a day. */
export const OPEN_POLICY: Policy = {
  access: { kind: 'public' },
  deadlineDefaultMs: 60_000,
  deadlineMaxMs: Infinity,
  idempotency: Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS,
};

type Mutable<H> = { -readonly [K in keyof H]: H[K] };

/** A server and its clients; a test puts its own handlers in place before it calls. */
export interface CallFixture {
  readonly server: RpcServer;
  readonly documents: ServiceClient<typeof DocumentServiceDefinition>;
  readonly health: ServiceClient<typeof HealthDefinition>;
  /** GetDocument answers with a document of the name that is asked for; the others fail. */
  readonly handlers: Mutable<Handlers<typeof DocumentServiceDefinition>>;
  readonly healthHandlers: Mutable<Handlers<typeof HealthDefinition>>;
  close(): Promise<void>;
}

export async function startCallFixture(options: { readonly databaseId?: string } = {}): Promise<CallFixture> {
  const handlers: CallFixture['handlers'] = {
    createDocument: unexpected,
    getDocument: async (_ctx, { name }) => aDocument(name),
    listDocuments: unexpected,
    updateDocument: unexpected,
    deleteDocument: unexpected,
    batchGetDocuments: unexpected,
    queryDocuments: unexpectedStream,
    countDocuments: unexpected,
    aggregateDocuments: unexpected,
    commitDocuments: unexpected,
    watchDocuments: unexpectedStream,
    importDocuments: unexpected,
    getImport: unexpected,
    exportDocuments: unexpectedStream,
  };
  const healthHandlers: CallFixture['healthHandlers'] = {
    check: unexpected,
    list: unexpected,
    watch: unexpectedStream,
  };
  const services = [
    implementService(DocumentServiceDefinition, lookingUp(handlers)),
    implementService(HealthDefinition, lookingUp(healthHandlers), { policy: OPEN_POLICY }),
  ];
  const server = await startRpcServerWith({ services, ...options });
  const documents = createClient(DocumentServiceDefinition, {
    address: server.address,
    token: GOOD_TOKEN,
    attemptsMax: 1,
  });
  const health = createClient(HealthDefinition, { address: server.address });
  const close = async () => {
    documents.close();
    health.close();
    await server.close();
  };
  return { server, documents, health, handlers, healthHandlers, close };
}

export function aDocument(name: string): Document {
  const never = { createTime: undefined, updateTime: undefined, expireTime: undefined };
  return { name, fields: { text: 'hello' }, etag: 'e', revision: 1n, ...never };
}

async function unexpected(): Promise<never> {
  throw new Error('this handler was not expected to be called');
}

// oxlint-disable-next-line eslint/require-yield
async function* unexpectedStream(): AsyncGenerator<never> {
  throw new Error('this handler was not expected to be called');
}

/** Looks each handler up at the time of the call, so that a test can put in its own. */
function lookingUp<H extends object>(current: H): H {
  const entries = Object.keys(current).map((key) => {
    const call = (ctx: unknown, request: unknown) =>
      (Reflect.get(current, key) as (ctx: unknown, request: unknown) => unknown)(ctx, request);
    return [key, call];
  });
  return Object.fromEntries(entries) as H;
}
