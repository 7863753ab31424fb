import { DocumentServiceDefinition } from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { translating, translatingStream } from '../../repositories/translate-errors.js';
import { createAggregateDocuments } from './aggregate-documents.js';
import { createBatchGetDocuments } from './batch-get-documents.js';
import { createCommitDocuments } from './commit-documents.js';
import { createCountDocuments } from './count-documents.js';
import { createCreateDocument } from './create-document.js';
import { createDeleteDocument } from './delete-document.js';
import { createGetDocument } from './get-document.js';
import { createListDocuments } from './list-documents.js';
import { createQueryDocuments } from './query-documents.js';
import { createUpdateDocument } from './update-document.js';

/** Serves `keelson.documents.v1.DocumentService`. */
export function createDocumentService(deps: { documents: Documents }): ServiceImplementation {
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
  });
}
