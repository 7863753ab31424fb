import { DocumentServiceDefinition } from '../../../gen/keelson/documents/v1/document_service.js';
import type { Documents } from '../../repositories/documents.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { translating } from '../../repositories/translate-errors.js';
import { createCreateDocument } from './create-document.js';
import { createDeleteDocument } from './delete-document.js';
import { createGetDocument } from './get-document.js';
import { createListDocuments } from './list-documents.js';
import { createUpdateDocument } from './update-document.js';

/** Serves `keelson.documents.v1.DocumentService`. */
export function createDocumentService(deps: { documents: Documents }): ServiceImplementation {
  return implementService(DocumentServiceDefinition, {
    createDocument: translating(createCreateDocument(deps)),
    getDocument: translating(createGetDocument(deps)),
    listDocuments: translating(createListDocuments(deps)),
    updateDocument: translating(createUpdateDocument(deps)),
    deleteDocument: translating(createDeleteDocument(deps)),
  });
}
