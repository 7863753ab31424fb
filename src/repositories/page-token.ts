import { createHash } from 'node:crypto';
import type { Place, SortKey } from '../store/query/order.js';

/** A page token that this server did not make, or made for another query. */
export class PageTokenError extends Error {
  override readonly name = 'PageTokenError';
}

const QUERY_HASH_BYTES = 12;

/**
 * Makes the token of the next page: the place where the page before ended, bound to the query by a hash. Opaque to
 * callers, but no secret: what it gives access to is judged again with every page.
 */
export function encodePageToken(query: readonly string[], { id, keys }: Place): string {
  const place = JSON.stringify([id, ...keys.map(({ rank, scalar }) => [rank, scalar])]);
  return Buffer.concat([hashQuery(query), Buffer.from(place)]).toString('base64url');
}

/** Gives the place that the page before ended with. An empty token asks for the first page. */
export function decodePageToken(query: readonly string[], token: string): Place | undefined {
  if (token === '') return undefined;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.toString('base64url') !== token || bytes.length <= QUERY_HASH_BYTES) throw foreign();
  if (!bytes.subarray(0, QUERY_HASH_BYTES).equals(hashQuery(query)))
    throw new PageTokenError('belongs to another query');
  return readPlace(bytes.subarray(QUERY_HASH_BYTES).toString('utf8'));
}

// Whoever knows the hash of a query can make a token for it, so that all of it is checked.
function readPlace(text: string): Place {
  const [id, ...keys] = readList(text);
  if (typeof id !== 'string' || id === '' || !id.isWellFormed()) throw foreign();
  return { id, keys: keys.map(readKey) };
}

function readKey(value: unknown): SortKey {
  const [rank, scalar] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (!Number.isInteger(rank) || (typeof scalar !== 'string' && typeof scalar !== 'number')) throw foreign();
  return { rank: Number(rank), scalar };
}

function readList(text: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : [];
  } catch {
    throw foreign();
  }
}

function foreign(): PageTokenError {
  return new PageTokenError('is not a token of this server');
}

function hashQuery(query: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(query)).digest().subarray(0, QUERY_HASH_BYTES);
}
