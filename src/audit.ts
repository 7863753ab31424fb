import type { FileRegistry } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import type { Ledger } from './ledger/ledger.js';
import type { Cleanups } from './lifecycle.js';
import { openAuditEntries } from './repositories/audit-entries.js';
import type { SweepableResource } from './repositories/sweeper.js';
import type { AuditSink } from './rpc/access.js';
import { createLogAudit } from './rpc/audit.js';
import type { Clock } from './rpc/context.js';
import type { ServiceImplementation } from './rpc/service.js';
import { createAuditService } from './services/audit/audit-service.js';
import { createLedgerAudit } from './services/audit/ledger-audit.js';

/** What callers did, in this process. */
export interface Audit {
  readonly sink: AuditSink;
  readonly services: readonly ServiceImplementation[];
  readonly resources: readonly SweepableResource[];
}

export interface AuditDeps {
  readonly ledger: Ledger;
  readonly registry: FileRegistry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cleanups: Cleanups;
}

/** Opens the audit, and leaves its closing to `cleanups`. */
export async function openAudit({ ledger, registry, clock, log, cleanups }: AuditDeps): Promise<Audit> {
  const entries = await openAuditEntries({ ledger, registry, now: () => clock.now() });
  const sink = createLedgerAudit({
    entries,
    log: createLogAudit(log),
    onError: (err) => log.warn({ err }, 'refusals could not be kept in the ledger'),
  });
  cleanups.add('audit', () => sink.close());
  return { sink, services: [createAuditService(entries)], resources: [entries.definition] };
}
