import type { OrderField } from './condition.js';
import type { Place, SortKey } from './order.js';

/**
 * A part of what lies behind a place: the first fields equal those of the place, and the one after them, or the id, is
 * beyond it. One after the other, the parts are all that lies behind, and each is one range of an index.
 */
export interface Segment {
  readonly equal: readonly SortKey[];
  /** `undefined` where the id is beyond. */
  readonly beyond: SortKey | undefined;
  /** `undefined` where the segment has no end but that of the fields that equal. */
  readonly behindId: string | undefined;
}

const WHOLE: readonly Segment[] = [{ equal: [], beyond: undefined, behindId: undefined }];

export function segmentsBehind(after: Place | undefined, orderBy: readonly OrderField[]): readonly Segment[] {
  if (after === undefined) return WHOLE;
  const keys = after.keys.slice(0, orderBy.length);
  const sameKeys: Segment = { equal: keys, beyond: undefined, behindId: after.id };
  const shorter = keys.map((key, position) => ({
    equal: keys.slice(0, position),
    beyond: key,
    behindId: undefined,
  }));
  return [sameKeys, ...shorter.reverse()];
}
