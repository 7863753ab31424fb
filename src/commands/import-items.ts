import type { FileHandle } from 'node:fs/promises';
import { parseStrictJson } from '../services/documents/strict-json.js';

/** An object of a file, as it is sent. */
export interface ReadItem {
  readonly item: {
    readonly documentId: string;
    readonly content: { readonly $case: 'json'; readonly value: string };
  };
  /** Where in the file it ends, about. */
  readonly endByte: number;
}

export interface ReadItemsOptions {
  readonly idField: string;
  /** Objects that were imported before. */
  readonly skip: number;
}

/** Reads objects, one a line; lines with nothing in them are passed over. */
export async function* readItems(
  handle: Pick<FileHandle, 'readLines'>,
  { idField, skip }: ReadItemsOptions,
): AsyncGenerator<ReadItem> {
  let index = 0;
  let endByte = 0;
  for await (const line of handle.readLines({ autoClose: false })) {
    endByte += Buffer.byteLength(line) + 1;
    if (line.trim() === '') continue;
    if (index >= skip) yield { item: toItem(line, idField), endByte };
    index += 1;
  }
}

/** Takes the id out of an object. A line that is none is sent as it is: the server says what is wrong with it. */
export function toItem(line: string, idField: string): ReadItem['item'] {
  const asItIs = { documentId: '', content: { $case: 'json', value: line } } as const;
  try {
    const { [idField]: id, ...rest } = parseStrictJson(line).value;
    if (typeof id !== 'string' && !Number.isSafeInteger(id)) return asItIs;
    return { documentId: String(id as string | number), content: { $case: 'json', value: JSON.stringify(rest) } };
  } catch {
    return asItIs;
  }
}
