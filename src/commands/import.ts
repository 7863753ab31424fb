import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import {
  DocumentServiceDefinition,
  ExistingDocuments,
  type ImportDocumentsResponse,
} from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../rpc/client/create-client.js';
import { existingFile, toConnection, withClientOptions, type ClientCommandOptions } from './client-options.js';
import { readItems, type ReadItem } from './import-items.js';
import { printCallError } from './output.js';
import { createProgress, type Progress } from './progress.js';

const KIB = 1024;
const BATCH_ITEMS_MAX = 490;
const BATCH_LENGTH_MAX = 512 * KIB;

/** Attempts that get nowhere, one after another. */
const ATTEMPTS_MAX = 20;
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 5_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

interface ImportOptions extends ClientCommandOptions {
  readonly idField: string;
  readonly replace: boolean;
  readonly importId?: string;
}

type Client = ServiceClient<typeof DocumentServiceDefinition>;

/** `keelson import <collection> <file>`: imports JSON objects, one a line. */
export function addImportCommand(program: Command): void {
  withClientOptions(program.command('import'))
    .description('import a file of JSON objects, one a line, as documents; goes on where it stopped')
    .argument('<collection>', 'such as collections/orders')
    .argument('<file>', 'newline-delimited JSON', existingFile)
    .option('--id-field <name>', 'the field of each object that becomes the id of its document', 'id')
    .option('--replace', 'replace documents that are there, instead of refusing theirs', false)
    .option('--import-id <uuid>', 'go on with the import of that id')
    .action(async (parent: string, file: string, options: ImportOptions) => {
      process.exitCode = await importFile(parent, file, options);
    });
}

interface Import {
  readonly client: Client;
  readonly parent: string;
  readonly file: string;
  readonly importId: string;
  readonly options: ImportOptions;
  readonly progress: Progress;
}

async function importFile(parent: string, file: string, options: ImportOptions): Promise<number> {
  const importId = options.importId ?? randomUUID();
  const client = createClient(DocumentServiceDefinition, toConnection(options));
  const progress = createProgress('bytes', statSync(file).size);
  try {
    const result = await untilDone({ client, parent, file, importId, options, progress });
    progress.stop();
    return report(result);
  } catch (err) {
    progress.stop();
    process.stderr.write(`The import can go on: --import-id ${importId}\n`);
    return printCallError(err);
  } finally {
    client.close();
  }
}

/** Begins again where the server got to, as long as it gets anywhere. */
async function untilDone(run: Import): Promise<ImportDocumentsResponse> {
  let startIndex = await progressOf(run);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run.client.importDocuments(requests(run, startIndex), { timeoutMs: DAY_MS });
    } catch (err) {
      if (!isPassing(err) || attempt === ATTEMPTS_MAX) throw err;
      await delay(Math.min(PAUSE_FIRST_MS * 2 ** attempt, PAUSE_MAX_MS));
    }
    const reached = await progressOf(run).catch((err: unknown) => {
      if (isPassing(err)) return startIndex;
      throw err;
    });
    if (reached > startIndex) attempt = 0;
    startIndex = reached;
  }
}

async function progressOf({ client, parent, importId }: Import): Promise<bigint> {
  try {
    return (await client.getImport({ name: `${parent}/imports/${importId}` })).nextIndex;
  } catch (err) {
    if (err instanceof CallError && err.codeName === 'NOT_FOUND') return 0n;
    throw err;
  }
}

function isPassing(err: unknown): boolean {
  return (
    err instanceof CallError && ['UNAVAILABLE', 'ABORTED', 'CANCELLED', 'RESOURCE_EXHAUSTED'].includes(err.codeName)
  );
}

async function* requests({ parent, file, importId, options, progress }: Import, startIndex: bigint) {
  const existing = options.replace
    ? ExistingDocuments.EXISTING_DOCUMENTS_REPLACE
    : ExistingDocuments.EXISTING_DOCUMENTS_REFUSE;
  yield { parent, importId, startIndex, existing, items: [] };
  const handle = await open(file);
  try {
    let items: ReadItem['item'][] = [];
    let length = 0;
    for await (const { item, endByte } of readItems(handle, { idField: options.idField, skip: Number(startIndex) })) {
      if (
        items.length === BATCH_ITEMS_MAX ||
        (items.length > 0 && length + item.content.value.length > BATCH_LENGTH_MAX)
      ) {
        yield { parent, items };
        progress.update(endByte);
        items = [];
        length = 0;
      }
      items.push(item);
      length += item.content.value.length;
    }
    if (items.length > 0) yield { parent, items };
  } finally {
    await handle.close();
  }
}

function report({ importedCount, failedCount, failures }: ImportDocumentsResponse): number {
  for (const { index, documentId, reason, problem } of failures) {
    process.stderr.write(`object ${index + 1n} (${documentId || 'without an id'}): ${reason}: ${problem}\n`);
  }
  if (failedCount > BigInt(failures.length))
    process.stderr.write(`... and ${failedCount - BigInt(failures.length)} more\n`);
  process.stdout.write(`imported ${importedCount}, failed ${failedCount}\n`);
  return failedCount === 0n ? 0 : 1;
}
