import { hkdfSync, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ledger } from '../ledger/ledger.js';

/** Holds a check of the master key, and the key itself where nobody gives one and there is no file that all share. */
export const MASTER_KEYS_COLLECTION = 'master_keys';

/** The document by which a key is recognised as the one that a database was set up with. */
export const MASTER_KEY_CHECK = { collection: MASTER_KEYS_COLLECTION, id: 'check' } as const;

/** The file in the data directory that a master key is made in at the first start. */
export const MASTER_KEY_FILE = 'master-key';

const KEY_BYTES = 32;
const OWNER_ONLY = 0o600;

/** Keys for one purpose each, that follow from the master key (HKDF-SHA-256, RFC 5869). */
export interface MasterKey {
  derive(purpose: string): Uint8Array;
}

/** The master key is not the one that the database was set up with. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}

export interface MasterKeyOptions {
  readonly ledger: Ledger;
  /** In base64: what the settings give, if anything. */
  readonly configured: string | undefined;
  readonly dataDir: string;
  /** Whether processes with other data directories may use the same database. */
  readonly isShared: boolean;
}

/**
 * Finds the master key: the one of the settings; else the file in the data directory, which is made at the first start; else,
 * where processes share a database and no data directory, one that lies in the database, which then protects nothing that
 * the database does not. Throws MasterKeyError for another key than the one that the database was set up with.
 */
export async function openMasterKey(options: MasterKeyOptions): Promise<MasterKey> {
  const { ledger } = options;
  await ledger.declareCollections([MASTER_KEYS_COLLECTION]);
  const isSetUp = (await ledger.get(MASTER_KEYS_COLLECTION, MASTER_KEY_CHECK.id)) !== undefined;
  const key = await findKey(options, isSetUp);
  const check = checkTextOf(key.toString('base64'));
  const known = await putOnce(ledger, MASTER_KEY_CHECK.id, check);
  if (known !== check) {
    throw new MasterKeyError(
      'The master key is not the one that the database was set up with: set KEELSON_MASTER_KEY to that one',
    );
  }
  return { derive: (purpose) => deriveFrom(key, purpose) };
}

/** The text that stands for a key in base64, and tells nothing of it. */
export function checkTextOf(key: string): string {
  return Buffer.from(deriveFrom(Buffer.from(key, 'base64'), 'check')).toString('base64url');
}

function deriveFrom(key: Buffer, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, '', `keelson ${purpose}`, KEY_BYTES));
}

async function findKey({ ledger, configured, dataDir, isShared }: MasterKeyOptions, isSetUp: boolean): Promise<Buffer> {
  if (configured !== undefined) return Buffer.from(configured, 'base64');
  const made = randomBytes(KEY_BYTES).toString('base64');
  const path = join(dataDir, MASTER_KEY_FILE);
  const read = isSetUp ? () => readKeyFile(path) : () => readOrMakeFile(path, made);
  return Buffer.from(isShared ? await putOnce(ledger, 'key', made) : await read(), 'base64');
}

/** A database that was set up has its key already: one that is made now could only be another. */
async function readKeyFile(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (err) {
    if (!isErrno(err, 'ENOENT')) throw err;
    throw new MasterKeyError(
      `The master key that the database was set up with is missing: put its file back as "${path}", or set KEELSON_MASTER_KEY to it`,
    );
  }
}

async function readOrMakeFile(path: string, made: string): Promise<string> {
  try {
    await writeFile(path, `${made}\n`, { mode: OWNER_ONLY, flag: 'wx', flush: true });
    return made;
  } catch (err) {
    if (!isErrno(err, 'EEXIST')) throw err;
    return readKeyFile(path);
  }
}

function isErrno(err: unknown, code: string): boolean {
  return err instanceof Error && 'code' in err && err.code === code;
}

/** Stores a text unless one is there, and gives the one that is. */
async function putOnce(ledger: Ledger, id: string, text: string): Promise<string> {
  let stored = text;
  await ledger.transact(async (view) => {
    const existing = await view.get(MASTER_KEYS_COLLECTION, id);
    stored = existing === undefined ? text : String(existing.value['text'] as string);
    if (existing !== undefined) return [];
    return [{ kind: 'put', collection: MASTER_KEYS_COLLECTION, id, value: { text } }];
  });
  return stored;
}
