import {
  AuditServiceDefinition,
  type ListAuditEntriesRequest,
  type ListAuditEntriesResponse,
} from '../../../gen/keelson/audit/v1/audit_service.js';
import type { AuditEntries } from '../../repositories/audit-entries.js';
import { translating } from '../../repositories/translate-errors.js';
import type { CallContext } from '../../rpc/context.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { pageSizeOf } from '../page-size.js';

/** Serves `keelson.audit.v1.AuditService`. */
export function createAuditService(entries: Pick<AuditEntries, 'list'>): ServiceImplementation {
  return implementService(AuditServiceDefinition, {
    listAuditEntries: translating(
      async (ctx: CallContext, request: ListAuditEntriesRequest): Promise<ListAuditEntriesResponse> => {
        const { pageToken, filter } = request;
        const query = { pageSize: pageSizeOf(request), pageToken, filter };
        const { resources, nextPageToken } = await entries.list(query, ctx);
        return { auditEntries: [...resources], nextPageToken };
      },
    ),
  });
}
