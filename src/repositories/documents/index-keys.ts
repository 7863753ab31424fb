import { createHash } from 'node:crypto';
import type { JsonValue } from '../../store/json-value.js';
import { valueOfField } from '../../store/query/field-value.js';
import { idDescends, placeOf, RANKS, type Place, type SortKey } from '../../store/query/order.js';
import type { OrderField } from '../../store/query/condition.js';
import type { StateDocument } from '../../store/state.js';
import { orderedText } from './ordered-text.js';

/** The longest key of an index, as it is written in the id of an entry. */
export const INDEX_KEY_LENGTH_MAX = 640;

const NUMBER_BYTES = 8;
const SIGN_BIT = 0x80;
const BYTE_MAX = 0xff;
const RANK_MAX = RANKS.object;

// Less than every character of a text, and greater.
const ENDS = { ascending: '!', descending: '~' } as const;

/**
 * Writes the place of a document in an order as a text, so that texts stand to each other as the places do. The order of
 * all values is that of docs/resources.md.
 */
export function indexKey({ keys, id }: Place, order: readonly OrderField[]): string {
  const last = id.slice(id.lastIndexOf('/') + 1);
  const fields = order.map(({ descending }, index) => fieldText(keys[index], descending)).join('');
  // Ids decide ties in the direction of the last field; their characters are in order by themselves.
  return fields + (idDescends(order) ? orderedText(Buffer.from(last), { descending: true }) + ENDS.descending : last);
}

/** The beginning that the keys of all documents have in which the first fields hold these values. */
export function indexKeyPrefix(values: readonly SortKey[], order: readonly OrderField[]): string {
  return values.map((key, index) => fieldText(key, order[index]?.descending ?? false)).join('');
}

/** The key of a document, without regard to its length. */
export function indexKeyOf(document: StateDocument, order: readonly OrderField[]): string {
  return indexKey(placeOf(document, order), order);
}

/** Tells the values of the fields from all others, of any length and depth. */
export function uniqueKeyOf(document: StateDocument, order: readonly OrderField[]): string {
  const hash = createHash('sha256');
  for (const { field } of order) {
    const value = valueOfField(document, field);
    hash.update(value === undefined ? 'missing\n' : `${canonicalJson(value)}\n`);
  }
  return hash.digest('base64url');
}

/** Whether any of the fields is there. */
export function hasAnyField(document: StateDocument, order: readonly OrderField[]): boolean {
  return order.some(({ field }) => valueOfField(document, field) !== undefined);
}

/** JSON that is the same for equal values: keys in order. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(canonicalJson).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item as JsonValue)}`).join(',')}}`;
}

function fieldText(key: SortKey | undefined, descending: boolean): string {
  const { rank, scalar } = key ?? { rank: RANKS.missing, scalar: 0 };
  const digit = String(descending ? RANK_MAX - rank : rank);
  if (rank === RANKS.number) return digit + orderedText(numberBytes(Number(scalar)), { descending });
  if (rank !== RANKS.string) return digit;
  const end = descending ? ENDS.descending : ENDS.ascending;
  return digit + orderedText(Buffer.from(String(scalar)), { descending }) + end;
}

/** The bytes of a double, changed so that they stand to each other as the numbers do. */
function numberBytes(value: number): Uint8Array {
  const bytes = Buffer.alloc(NUMBER_BYTES);
  // Minus zero is zero.
  bytes.writeDoubleBE(value === 0 ? 0 : value);
  const first = bytes[0] ?? 0;
  if (first >= SIGN_BIT) return bytes.map((byte) => BYTE_MAX - byte);
  bytes[0] = first | SIGN_BIT;
  return bytes;
}
