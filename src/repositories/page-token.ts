import { createHash } from 'node:crypto';

/** A page token that this server did not make, or made for another query. */
export class PageTokenError extends Error {
  override readonly name = 'PageTokenError';
}

const QUERY_HASH_BYTES = 12;

/**
 * Makes the token of the next page: where the page before ended, bound to the query by a hash. Opaque to callers, but
 * no secret: what it gives access to is judged again with every page.
 */
export function encodePageToken(query: readonly string[], lastId: string): string {
  return Buffer.concat([hashQuery(query), Buffer.from(lastId)]).toString('base64url');
}

/** Gives the id that the page before ended with. An empty token asks for the first page. */
export function decodePageToken(query: readonly string[], token: string): string | undefined {
  if (token === '') return undefined;
  const bytes = Buffer.from(token, 'base64url');
  const madeHere = bytes.toString('base64url') === token && bytes.length > QUERY_HASH_BYTES;
  if (!madeHere) throw new PageTokenError('is not a token of this server');
  if (!bytes.subarray(0, QUERY_HASH_BYTES).equals(hashQuery(query)))
    throw new PageTokenError('belongs to another query');
  return bytes.subarray(QUERY_HASH_BYTES).toString('utf8');
}

function hashQuery(query: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(query)).digest().subarray(0, QUERY_HASH_BYTES);
}
