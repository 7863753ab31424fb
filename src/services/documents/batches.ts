import type { StoredDocument } from '../../repositories/documents.js';

const KIB = 1024;

const BATCH_DOCUMENTS_MAX = 500;

/** By the size as JSON; a message may take several times as much, and 4 MiB are sent. */
const BATCH_BYTES_MAX = 256 * KIB;

/** Puts documents together that fit into one message. */
export async function* batchesOf(documents: AsyncIterable<StoredDocument>): AsyncGenerator<StoredDocument[]> {
  let batch: StoredDocument[] = [];
  let bytes = 0;
  for await (const document of documents) {
    const size = JSON.stringify(document.fields).length;
    if (batch.length === BATCH_DOCUMENTS_MAX || (batch.length > 0 && bytes + size > BATCH_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(document);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
