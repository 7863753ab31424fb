import { MalformedTokenError, WrongDatabaseError } from './errors.js';

const FORMAT = /^v1\.([0-9a-f-]{36})\.(0|[1-9][0-9]{0,15})$/;

/** A text that stands for a revision of a database. Callers carry it from a write to later reads and do not look inside. */
export function encodeToken(databaseId: string, revision: number): string {
  return Buffer.from(`v1.${databaseId}.${revision}`).toString('base64url');
}

/**
 * The revision that a token stands for. Throws MalformedTokenError for a text that is no token, and WrongDatabaseError
 * for a token of another database, where the number would mean something else.
 */
export function decodeToken(databaseId: string, token: string): number {
  const [, database, revision] = FORMAT.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (database === undefined || !Number.isSafeInteger(Number(revision))) throw new MalformedTokenError();
  if (database !== databaseId) throw new WrongDatabaseError();
  return Number(revision);
}
