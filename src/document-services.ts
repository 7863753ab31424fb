import type { Area, AreaDeps } from './area.js';
import type { Ledger } from './ledger/ledger.js';
import { createCollections, COLLECTIONS } from './repositories/documents/collections.js';
import { INDEX_ENTRIES_COLLECTION, UNIQUE_KEYS_COLLECTION } from './repositories/documents/index-entries.js';
import { startIndexJobs } from './repositories/documents/index-jobs.js';
import { createIndexes } from './repositories/documents/indexes.js';
import { createDocumentWatches } from './repositories/documents/document-watches.js';
import { sweepableDocuments } from './repositories/documents/expired-documents.js';
import { IMPORTS } from './repositories/documents/import-progress.js';
import { createImports } from './repositories/documents/imports.js';
import { createOperations, OPERATIONS } from './repositories/documents/operations.js';
import { createDocuments, DOCUMENTS } from './repositories/documents.js';
import { declareResources, type DeclarableResource } from './repositories/resource.js';
import { refusalReason } from './repositories/translate-errors.js';
import type { ServiceImplementation } from './rpc/service.js';
import { createCollectionService } from './services/collections/collection-service.js';
import { createDocumentService } from './services/documents/document-service.js';
import { createOperationReader } from './services/operations/operation-message.js';
import { createOperationService } from './services/operations/operation-service.js';

/** What documents, their collections and their indexes are kept in. */
export const DOCUMENT_RESOURCES: readonly DeclarableResource[] = [
  DOCUMENTS,
  COLLECTIONS,
  OPERATIONS,
  IMPORTS,
  { collection: INDEX_ENTRIES_COLLECTION, indexes: [] },
  { collection: UNIQUE_KEYS_COLLECTION, indexes: [] },
];

/** Makes the document service alone, with nothing in the background. */
export function createDocumentServiceOn(ledger: Ledger): ServiceImplementation {
  const documents = createDocuments(ledger);
  const watches = createDocumentWatches({ documents, ledger });
  const { plan } = documents.writer;
  const imports = createImports({ ledger, plan, reasonOf: refusalReason, now: plan.now });
  return createDocumentService({ documents, watches, imports });
}

/** Makes room for documents, and opens their services and what these do in the background. */
export async function openDocuments({ ledger, log, cleanups }: AreaDeps): Promise<Area> {
  await declareResources(ledger, DOCUMENT_RESOURCES);
  const documents = createDocuments(ledger);
  const collections = createCollections(ledger);
  const indexes = createIndexes({ ledger, collections });
  const operations = createOperations(ledger);
  const jobs = startIndexJobs({ ledger, collections, documents: DOCUMENTS, log });
  cleanups.add('index jobs', () => jobs.close());
  const onWork = () => jobs.wake();
  const reader = createOperationReader({ operations });
  return {
    resources: [sweepableDocuments(documents.writer.plan), OPERATIONS, IMPORTS],
    services: [
      createDocumentServiceOn(ledger),
      createCollectionService({ ledger, collections, documents, indexes, operations: reader, onWork }),
      createOperationService({ operations, indexes, onWork }),
    ],
  };
}
