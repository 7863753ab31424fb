import { CollectionServiceDefinition } from '../../../gen/keelson/documents/v1/collection_service.js';
import type { DeleteCollectionDeps } from '../../repositories/documents/delete-collection.js';
import type { Indexes } from '../../repositories/documents/indexes.js';
import { translating } from '../../repositories/translate-errors.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import type { OperationReader } from '../operations/operation-message.js';
import { createCreateCollection } from './create-collection.js';
import { createCreateIndex } from './create-index.js';
import { createDeleteCollection } from './delete-collection.js';
import { createDeleteIndex } from './delete-index.js';
import { createGetCollection } from './get-collection.js';
import { createGetIndex } from './get-index.js';
import { createListCollections } from './list-collections.js';
import { createListIndexes } from './list-indexes.js';
import { createUpdateCollection } from './update-collection.js';

export interface CollectionServiceDeps extends DeleteCollectionDeps {
  readonly indexes: Indexes;
  readonly operations: OperationReader;
  /** Is told that there is work to do in the background. */
  readonly onWork: () => void;
}

/** Serves `keelson.documents.v1.CollectionService`. */
export function createCollectionService(deps: CollectionServiceDeps): ServiceImplementation {
  return implementService(CollectionServiceDefinition, {
    createCollection: translating(createCreateCollection(deps)),
    getCollection: translating(createGetCollection(deps)),
    listCollections: translating(createListCollections(deps)),
    updateCollection: translating(createUpdateCollection(deps)),
    deleteCollection: translating(createDeleteCollection(deps)),
    createIndex: translating(createCreateIndex(deps)),
    getIndex: translating(createGetIndex(deps)),
    listIndexes: translating(createListIndexes(deps)),
    deleteIndex: translating(createDeleteIndex(deps)),
  });
}
