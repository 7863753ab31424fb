// What a service of another team does with the package: scripts/test-package.mjs compiles and runs it where nothing else is.
import { createClient } from 'keelson/client';
import { CallError } from 'keelson/client/call-error';
import { createFaultyTransport } from 'keelson/client/faults';
import { DocumentServiceDefinition, type Document } from 'keelson/gen/keelson/documents/v1/document_service.js';

const [address = '', token = ''] = process.argv.slice(2);
const documents = createClient(DocumentServiceDefinition, { address, token });
const parent = 'collections/parcels';
const created: Document = await documents.createDocument({
  parent,
  documentId: 'p-17',
  document: { fields: { state: 'sealed' } },
});
const read = await documents.getDocument({ name: created.name });
const missing = await documents.getDocument({ name: `${parent}/documents/none` }).catch((err: unknown) => err);
documents.close();

const isRight =
  read.fields?.['state'] === 'sealed' && missing instanceof CallError && missing.reason === 'RESOURCE_NOT_FOUND';
if (!isRight || typeof createFaultyTransport !== 'function')
  throw new Error(`Answers are wrong: ${JSON.stringify(read)}, ${String(missing)}`);
process.stdout.write('the installed client calls the installed server\n');
