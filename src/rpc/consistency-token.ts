const FORMAT = /^v1\.([0-9a-f-]{36})\.(0|[1-9][0-9]{0,15})$/;

/** A place in the log of a database. */
export interface TokenContent {
  readonly databaseId: string;
  readonly revision: number;
}

/** A text that stands for a revision of a database. Callers carry it from an answer to later calls and do not look inside. */
export function encodeToken({ databaseId, revision }: TokenContent): string {
  return Buffer.from(`v1.${databaseId}.${revision}`).toString('base64url');
}

/** What a token stands for. Undefined for a text that is no token. */
export function decodeToken(token: string): TokenContent | undefined {
  const [, databaseId, digits] = FORMAT.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  const revision = Number(digits);
  return databaseId === undefined || !Number.isSafeInteger(revision) ? undefined : { databaseId, revision };
}

/**
 * The one of two tokens that shows more. Where they cannot be compared, being of two databases, or one no token, it is
 * the second.
 */
export function newerToken(first: string | undefined, second: string | undefined): string | undefined {
  if (first === undefined || second === undefined) return second ?? first;
  const [one, other] = [decodeToken(first), decodeToken(second)];
  if (one === undefined || other === undefined || one.databaseId !== other.databaseId) return second;
  return one.revision > other.revision ? first : second;
}
