import { randomUUID } from 'node:crypto';
import type { Registry } from '@bufbuild/protobuf';
import { AuditEntry } from '../../gen/keelson/audit/v1/audit_service.js';
import type { Ledger } from '../ledger/ledger.js';
import type { ListQuery, ResourcePage } from './list.js';
import { defineMessageResource } from './message-resource.js';
import type { ReadContext } from './read-context.js';
import { commitTogether, createResources, declareResource } from './resource.js';
import type { SweepableResource } from './sweeper.js';

const NEWEST_FIRST = 'time desc';

/** What the audit keeps in the ledger. Entries are added and expire; nothing changes or deletes one. */
export interface AuditEntries {
  readonly definition: SweepableResource;
  /** Adds entries, all or none. */
  add(entries: readonly AuditEntry[]): Promise<void>;
  /** Newest first. */
  list(query: Omit<ListQuery, 'parent' | 'orderBy'>, context?: ReadContext): Promise<ResourcePage<AuditEntry>>;
}

export interface AuditEntriesDeps {
  readonly ledger: Ledger;
  readonly registry: Registry;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Makes room for entries, and gives them. */
export async function openAuditEntries({ ledger, registry, now }: AuditEntriesDeps): Promise<AuditEntries> {
  const definition = defineMessageResource<AuditEntry>(registry, AuditEntry, {
    messageType: 'keelson.audit.v1.AuditEntry',
    type: 'keelson.dev/AuditEntry',
    singular: 'audit entry',
    collection: 'audit_entries',
    pattern: 'auditEntries/{audit_entry}',
    indexes: [NEWEST_FIRST],
    expireTime: 'expire_time',
    cacheable: false,
  });
  await declareResource(ledger, definition);
  const resources = createResources({ ledger, now }, definition);
  return {
    definition,
    add: async (entries) => {
      await commitTogether(ledger, (view) =>
        Promise.all(entries.map((content) => resources.writes.create(view, { parent: '', id: randomUUID(), content }))),
      );
    },
    list: (query, context) => resources.list({ ...query, parent: '', orderBy: NEWEST_FIRST }, context),
  };
}
