import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import { DocumentServiceDefinition, type DocumentItem } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../rpc/client/create-client.js';
import { toConnection, withClientOptions, type ClientCommandOptions } from './client-options.js';
import { printCallError } from './output.js';
import { createProgress } from './progress.js';

interface ExportOptions extends ClientCommandOptions {
  readonly idField: string;
  readonly filter: string;
  readonly output?: string;
}

/** `keelson export <collection>`: writes documents as JSON objects, one a line, as they are at one revision. */
export function addExportCommand(program: Command): void {
  withClientOptions(program.command('export'))
    .description('write the documents of a collection as JSON objects, one a line, all as of one revision')
    .argument('<collection>', 'such as collections/orders')
    .option('--id-field <name>', 'the field of each object that gets the id of its document', 'id')
    .option('--filter <filter>', 'only documents that meet it', '')
    .option('--output <file>', 'where to write; standard output without it')
    .action(async (parent: string, options: ExportOptions) => {
      process.exitCode = await exportCollection(parent, options);
    });
}

async function exportCollection(parent: string, options: ExportOptions): Promise<number> {
  const { filter, idField, output } = options;
  const client = createClient(DocumentServiceDefinition, toConnection(options));
  const target = output === undefined ? process.stdout : createWriteStream(output);
  let progress: ReturnType<typeof createProgress> | undefined;
  let written = 0;
  try {
    for await (const { items, documentCount } of client.exportDocuments({ parent, filter })) {
      progress ??= createProgress('documents', Number(documentCount));
      for (const item of items) await write(target, toLine(item, idField));
      written += items.length;
      progress.update(written);
    }
    if (output !== undefined) {
      target.end();
      await finished(target);
    }
    return 0;
  } catch (err) {
    progress?.stop();
    if (!(err instanceof IdFieldError)) return printCallError(err);
    process.stderr.write(`${err.message}\n`);
    return 1;
  } finally {
    progress?.stop();
    client.close();
  }
}

/** A document has the field already in which its id was to be written. */
class IdFieldError extends Error {
  override readonly name = 'IdFieldError';
}

async function write(target: Writable, line: string): Promise<void> {
  if (!target.write(line)) await once(target, 'drain');
}

function toLine({ documentId, content }: DocumentItem, idField: string): string {
  const text = content?.$case === 'json' ? content.value : '{}';
  const id = `${JSON.stringify(idField)}:${JSON.stringify(documentId)}`;
  const fields = JSON.parse(text) as object;
  if (Object.hasOwn(fields, idField))
    throw new IdFieldError(`Document "${documentId}" has a field "${idField}": choose another --id-field for the ids`);
  return text === '{}' ? `{${id}}\n` : `{${id},${text.slice(1)}\n`;
}
