import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { AuditEntry } from '../gen/keelson/audit/v1/audit_service.js';
import { createLedger } from './ledger/ledger.js';
import type { LedgerLogger } from './ledger/surroundings.js';
import { DESCRIPTOR_IMAGE } from './package-files.js';
import {
  ACCESS_STATE_COLLECTION,
  createAccessPolicies,
  defineAccess,
  replicateAccess,
} from './repositories/access-policies.js';
import { openAuditEntries } from './repositories/audit-entries.js';
import { openIdentities } from './repositories/identities.js';
import { declareResources } from './repositories/resource.js';
import { readDescriptorImage } from './rpc/descriptors.js';
import { AccessModel } from './services/access/access-model.js';
import { AUDIT_KEPT_MS } from './services/audit/ledger-audit.js';
import { recoverAdmin, type RecoveredAdmin } from './services/identity/recover-admin.js';
import { toTimestamp } from './services/timestamp.js';
import type { Store } from './store/store.js';

/**
 * Makes somebody who may do everything, with nothing but a store, and says so in the audit first. Servers that use the same
 * store meanwhile take it like any other change.
 */
export async function recoverOn(store: Store, logger: LedgerLogger): Promise<RecoveredAdmin> {
  const ledger = await createLedger({ store, logger });
  try {
    const registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
    const now = () => Date.now();
    const identities = await openIdentities({ ledger, registry, now });
    const definitions = defineAccess(registry);
    await ledger.declareCollections([ACCESS_STATE_COLLECTION]);
    await declareResources(ledger, Object.values(definitions));
    const replica = await replicateAccess(ledger, definitions, new AccessModel());
    const entries = await openAuditEntries({ ledger, registry, now });
    await entries.add([auditEntry(now())]);
    try {
      return await recoverAdmin({
        identities,
        policies: createAccessPolicies({ ledger, definitions, replica, now }),
      });
    } finally {
      replica.close();
    }
  } finally {
    await ledger.close();
  }
}

/** There is no caller: what is known is who runs the command, as the machine knows them. */
function auditEntry(nowMs: number): AuditEntry {
  return AuditEntry.fromPartial({
    method: 'keelson token recover',
    peer: `user ${userInfo().username}`,
    code: 'OK',
    count: 1,
    time: toTimestamp(nowMs),
    lastTime: toTimestamp(nowMs),
    expireTime: toTimestamp(nowMs + AUDIT_KEPT_MS),
  });
}
