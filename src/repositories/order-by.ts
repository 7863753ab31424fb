import type { OrderField } from '../store/query/condition.js';
import { idDescends } from '../store/query/order.js';
import { FilterError } from './filter/filter-error.js';
import type { Schema } from './filter/schema.js';
import { findTarget } from './filter/target.js';

/** Fields of one order. */
export const ORDER_FIELDS_MAX = 8;

/** The length of an order in UTF-16 code units. */
export const ORDER_LENGTH_MAX = 1_024;

/** An order cannot be read, or names something that the resource does not have. */
export class OrderByError extends Error {
  override readonly name = 'OrderByError';
  /** Where, in UTF-16 code units from 0. */
  readonly position: number;

  constructor(position: number, problem: string) {
    super(`at position ${position}: ${problem}`);
    this.position = position;
  }
}

// A name, or one in backticks, as in a field mask. Nothing in it is tried twice.
const NAME = /[A-Za-z0-9_-]+|`(?:[^`]|``)*`/y;
const SPACES = / */y;
const DIRECTION = /asc|desc/y;

/**
 * Reads an order by AIP-132: `create_time desc, fields.address.city`. The empty one is that of names. docs/resources.md
 * decides how values of different types stand to each other. Throws OrderByError.
 */
export function parseOrderBy(orderBy: string, schema: Schema): readonly OrderField[] {
  if (orderBy.length > ORDER_LENGTH_MAX)
    throw new OrderByError(ORDER_LENGTH_MAX, `expected the end: an order has at most ${ORDER_LENGTH_MAX} characters`);
  const cursor: Cursor = { text: orderBy, position: 0 };
  take(cursor, SPACES);
  if (cursor.position === orderBy.length) return [];
  const fields: OrderField[] = [];
  do {
    if (fields.length === ORDER_FIELDS_MAX)
      throw new OrderByError(cursor.position, `expected the end: an order has at most ${ORDER_FIELDS_MAX} fields`);
    fields.push(parseField(cursor, schema));
  } while (takeComma(cursor));
  if (cursor.position < orderBy.length) throw new OrderByError(cursor.position, 'expected "," or the end');
  return withoutPlainId(fields);
}

interface Cursor {
  readonly text: string;
  position: number;
}

function parseField(cursor: Cursor, schema: Schema): OrderField {
  take(cursor, SPACES);
  const path = [parseName(cursor)];
  while (cursor.text[cursor.position] === '.') {
    cursor.position += 1;
    path.push(parseName(cursor));
  }
  const { field } = findField(path, schema);
  const spaces = take(cursor, SPACES);
  const direction = spaces === '' ? undefined : take(cursor, DIRECTION);
  take(cursor, SPACES);
  return { field, descending: direction === 'desc' };
}

function parseName(cursor: Cursor): { readonly name: string; readonly position: number } {
  const { position } = cursor;
  const raw = take(cursor, NAME);
  if (raw === undefined) throw new OrderByError(position, 'expected a field name');
  return { name: raw.startsWith('`') ? raw.slice(1, -1).replaceAll('``', '`') : raw, position };
}

function findField(path: Parameters<typeof findTarget>[0], schema: Schema): ReturnType<typeof findTarget> {
  try {
    const target = findTarget(path, schema, false);
    if (['list', 'map', 'message'].includes(target.type.kind))
      throw new FilterError(
        path.at(-1)?.position ?? 0,
        `expected a field that has an order, found a ${target.type.kind}`,
      );
    return target;
  } catch (err) {
    if (!(err instanceof FilterError)) throw err;
    throw new OrderByError(err.position, err.message.slice(err.message.indexOf(': ') + 2));
  }
}

// Ids decide between equals anyway, and nothing can come behind them.
function withoutPlainId(fields: readonly OrderField[]): readonly OrderField[] {
  const last = fields.findIndex(({ field }) => field.kind === 'id');
  if (last < 0) return fields;
  const before = fields.slice(0, last);
  return fields[last]?.descending === idDescends(before) ? before : fields.slice(0, last + 1);
}

function takeComma(cursor: Cursor): boolean {
  if (cursor.text[cursor.position] !== ',') return false;
  cursor.position += 1;
  return true;
}

function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.position;
  const found = pattern.exec(cursor.text)?.[0];
  cursor.position += found?.length ?? 0;
  return found;
}
