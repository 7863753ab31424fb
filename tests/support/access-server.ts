import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { AccessServiceDefinition } from '../../gen/keelson/access/v1/access_service.js';
import { openAccess } from '../../src/access.js';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { Cleanups } from '../../src/lifecycle.js';
import { DESCRIPTOR_IMAGE } from '../../src/package-files.js';
import { createDocumentServiceOn, DOCUMENT_RESOURCES } from '../../src/document-services.js';
import { declareResources } from '../../src/repositories/resource.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { createInProcessTransport } from '../../src/rpc/client/in-process-transport.js';
import { readDescriptorImage } from '../../src/rpc/descriptors.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import { createMethodTable } from '../../src/rpc/method-table.js';
import { OpenCalls } from '../../src/rpc/open-calls.js';
import { createDispatcher } from '../../src/rpc/pipeline.js';
import type { Store } from '../../src/store/store.js';
import { SILENT_LOGGER } from './silent-logger.js';

export const OWNER = 'users/owner';

/** One process that decides who may do what, with the real pipeline in front and a ledger behind. */
export interface AccessServer {
  readonly ledger: Ledger;
  /** A client for each principal. A token's scopes follow its name: `as('users/ada', 'documents.*')`; all, without any. */
  as(principal: string, ...scopes: string[]): AccessClient;
  close(): Promise<void>;
}

export type AccessClient = ServiceClient<typeof AccessPolicyServiceDefinition> &
  ServiceClient<typeof AccessServiceDefinition>;

export interface AccessServerOptions {
  readonly store: Store;
  readonly now?: () => number;
}

export async function startAccessServer({ store, now = () => Date.now() }: AccessServerOptions): Promise<AccessServer> {
  const log = pino({ level: 'silent' });
  const cleanups = new Cleanups();
  const ledger = await createLedger({ store, logger: SILENT_LOGGER });
  cleanups.add('ledger', () => ledger.close());
  const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
  const access = await openAccess({ ledger, registry, clock: { now }, isActive: async () => true, cleanups });
  await declareResources(ledger, DOCUMENT_RESOURCES);
  const documents = createDocumentServiceOn(ledger);
  const table = createMethodTable(registry, [documents, ...access.services]);
  await access.prepare(table, OWNER);
  const dispatcher = createDispatcher({
    table,
    authenticator: {
      authenticate: async (token) => {
        const [name = '', ...permissions] = token.split('|');
        return { name, permissions: permissions.length === 0 ? ['*'] : permissions };
      },
    },
    authorizer: access.authorizer,
    clock: { now },
    log,
    openCalls: new OpenCalls(),
    limits: DEFAULT_LIMITS,
  });
  const transport = createInProcessTransport({ table, dispatcher });
  return {
    ledger,
    as: (principal, ...scopes) => {
      const options = { transport, token: [principal, ...scopes].join('|') };
      return {
        ...createClient(AccessPolicyServiceDefinition, options),
        ...createClient(AccessServiceDefinition, options),
      };
    },
    close: () => cleanups.run(log),
  };
}
