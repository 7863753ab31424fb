import type { Ledger } from '../ledger/ledger.js';
import { EVERYTHING, type Condition, type OrderField } from '../store/query/condition.js';
import { QUERY_EXAMINE_MAX, type FoundDocument } from '../store/query/query.js';
import type { Place } from '../store/query/order.js';
import { prefixOf, type Decodable } from './definition.js';
import type { Expiry } from './expiry.js';
import { compileFilter } from './filter/resolve.js';
import { OrderByError, parseOrderBy } from './order-by.js';
import { readFor, type ReadContext } from './read-context.js';
import { decodePageToken, encodePageToken } from './page-token.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** A page ends early when its documents would make more than this, as JSON; a message may hold 4 MiB. */
const PAGE_BYTES_MAX = 2 * MIB;

/** The length of a page token; contracts allow as much. */
const PAGE_TOKEN_LENGTH_MAX = 8_192;

/** Documents that a count looks at before it gives up. */
export const COUNT_EXAMINE_MAX = 100_000;

const COUNT_PAGE = 1_000;

export interface ListQuery {
  readonly parent: string;
  readonly pageSize: number;
  /** Of the page before, for the same query. Empty for the first page. */
  readonly pageToken: string;
  /** AIP-160. Everything, when it is empty or missing. */
  readonly filter?: string;
  /** AIP-132. By name, when it is empty or missing. */
  readonly orderBy?: string;
}

export interface ResourcePage<T> {
  readonly resources: readonly T[];
  /** Empty on the last page. A page may be short, or empty, without being the last. */
  readonly nextPageToken: string;
}

export interface ResourceCount {
  readonly count: number;
  /** If not, there are more: COUNT_EXAMINE_MAX documents were looked at. */
  readonly complete: boolean;
}

interface ListDeps<T> {
  readonly ledger: Ledger;
  readonly definition: Decodable<T>;
  readonly expiry: Expiry;
}

/** Reads a page. Each is the state at one revision; what does not change between two pages is seen once. */
export async function listResources<T>(
  deps: ListDeps<T>,
  query: ListQuery,
  context: ReadContext = {},
): Promise<ResourcePage<T>> {
  const { definition, ledger } = deps;
  const { parent, pageSize, pageToken, filter = '', orderBy = '' } = query;
  const identity = [definition.collection, parent, filter, orderBy];
  const asked = {
    ...compileQuery(definition, { parent, filter, orderBy }),
    after: decodePageToken(identity, pageToken),
    limit: pageSize + 1,
    examineMax: QUERY_EXAMINE_MAX,
  };
  const { found, next } = await readFor(ledger, context, (options) =>
    ledger.query(definition.collection, { ...asked, ...options }),
  );
  // Few have expired and are not swept yet: to ask the engines for it would cost every list.
  const there = found.filter(({ document }) => deps.expiry.isThere(document));
  const page = takePage(there, pageSize);
  const end = page.length < there.length ? page.at(-1)?.place : next;
  return {
    resources: page.map(({ document }) => definition.codec.decode(document)),
    nextPageToken: end === undefined ? '' : toPageToken(identity, end),
  };
}

// A token holds the values that the order goes by. What no client could send back is refused here.
export function toPageToken(identity: readonly string[], place: Place): string {
  const token = encodePageToken(identity, place);
  if (token.length <= PAGE_TOKEN_LENGTH_MAX) return token;
  throw new OrderByError(0, `expected fields with shorter values: those of "${place.id}" do not fit into a page token`);
}

/** Counts what a list would give, page by page: each page is exact, all together are not of one revision. */
export async function countResources<T>(
  deps: ListDeps<T>,
  { parent, filter = '' }: Pick<ListQuery, 'parent' | 'filter'>,
  context: ReadContext = {},
): Promise<ResourceCount> {
  const { ledger, definition, expiry } = deps;
  const { condition, ...rest } = compileQuery(definition, { parent, filter, orderBy: '' });
  const there = expiry.condition();
  const compiled = {
    ...rest,
    condition: there ? ({ kind: 'and', conditions: [condition, there] } as const) : condition,
  };
  let count = 0;
  let after: Place | undefined;
  for (let examined = 0; examined < COUNT_EXAMINE_MAX;) {
    const asked = { ...compiled, after, limit: COUNT_PAGE, examineMax: QUERY_EXAMINE_MAX };
    const read = await readFor(ledger, context, (options) =>
      ledger.query(definition.collection, { ...asked, ...options }),
    );
    count += read.found.length;
    examined += read.examined;
    after = read.next;
    if (after === undefined) return { count, complete: true };
  }
  return { count, complete: false };
}

interface Compiled {
  readonly parent: string;
  readonly condition: Condition;
  readonly orderBy: readonly OrderField[];
}

function compileQuery(
  { pattern, schema }: Pick<Decodable<unknown>, 'pattern' | 'schema'>,
  { parent, filter, orderBy }: { readonly parent: string; readonly filter: string; readonly orderBy: string },
): Compiled {
  return {
    parent: prefixOf({ pattern }, parent),
    condition: filter === '' ? EVERYTHING : compileFilter(filter, schema),
    orderBy: parseOrderBy(orderBy, schema),
  };
}

/** Takes at least one document, and no more than fit into a message. */
function takePage(found: readonly FoundDocument[], pageSize: number): readonly FoundDocument[] {
  const page: FoundDocument[] = [];
  let bytes = 0;
  for (const one of found) {
    bytes += Buffer.byteLength(JSON.stringify(one.document.value));
    if (page.length === pageSize || (page.length > 0 && bytes > PAGE_BYTES_MAX)) break;
    page.push(one);
  }
  return page;
}
