import { DocumentServiceDefinition } from '../../../gen/keelson/documents/v1/document_service.js';
import type { DocumentWatches } from '../../repositories/documents/document-watches.js';
import type { Imports } from '../../repositories/documents/imports.js';
import type { Documents } from '../../repositories/documents.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { translating, translatingRequests, translatingStream } from '../../repositories/translate-errors.js';
import { createAggregateDocuments } from './aggregate-documents.js';
import { createBatchGetDocuments } from './batch-get-documents.js';
import { createCommitDocuments } from './commit-documents.js';
import { createCountDocuments } from './count-documents.js';
import { createCreateDocument } from './create-document.js';
import { createDeleteDocument } from './delete-document.js';
import { createExportDocuments } from './export-documents.js';
import { createGetDocument } from './get-document.js';
import { createGetImport } from './get-import.js';
import { createImportDocuments } from './import-documents.js';
import { createListDocuments } from './list-documents.js';
import { createQueryDocuments } from './query-documents.js';
import { createUpdateDocument } from './update-document.js';
import { createWatchDocuments } from './watch-documents.js';

export interface DocumentServiceDeps {
  readonly documents: Documents;
  readonly watches: DocumentWatches;
  readonly imports: Imports;
}

/** Serves `keelson.documents.v1.DocumentService`. */
export function createDocumentService(deps: DocumentServiceDeps): ServiceImplementation {
  return implementService(DocumentServiceDefinition, {
    createDocument: translating(createCreateDocument(deps)),
    getDocument: translating(createGetDocument(deps)),
    listDocuments: translating(createListDocuments(deps)),
    updateDocument: translating(createUpdateDocument(deps)),
    deleteDocument: translating(createDeleteDocument(deps)),
    batchGetDocuments: translating(createBatchGetDocuments(deps)),
    queryDocuments: translatingStream(createQueryDocuments(deps)),
    countDocuments: translating(createCountDocuments(deps)),
    aggregateDocuments: translating(createAggregateDocuments(deps)),
    commitDocuments: translating(createCommitDocuments(deps)),
    watchDocuments: translatingStream(createWatchDocuments(deps)),
    importDocuments: translatingRequests(createImportDocuments(deps)),
    getImport: translating(createGetImport(deps)),
    exportDocuments: translatingStream(createExportDocuments(deps)),
  });
}
