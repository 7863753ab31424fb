import { prefixEnd } from '../prefix-range.js';
import { compareScalars } from '../query/order.js';

export interface IdRange {
  /** What ids begin with. */
  readonly prefix: string;
  /** Only ids behind this one. */
  readonly after?: string | undefined;
  /** Only ids before this one. */
  readonly before?: string | undefined;
}

/**
 * The conditions that ids of a range meet, with one bound on each side. Of two on the same side SQLite goes to the first that
 * is written, however far the other one is, and looks at every row in between. `bind` gives the place of a parameter.
 */
export function idRangeSql({ prefix, after, before }: IdRange, bind: (id: string) => string): readonly string[] {
  const end = prefixEnd(prefix);
  const isBehind = after !== undefined && compareScalars(after, prefix) >= 0;
  const isBefore = before !== undefined && (end === undefined || compareScalars(before, end) < 0);
  const upper = isBefore ? before : end;
  const lower = isBehind ? `id > ${bind(after)}` : `id >= ${bind(prefix)}`;
  return upper === undefined ? [lower] : [lower, `id < ${bind(upper)}`];
}
