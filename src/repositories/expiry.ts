import type { Condition } from '../store/query/condition.js';
import { valueOfField } from '../store/query/field-value.js';
import { compareScalars } from '../store/query/order.js';
import type { StateDocument } from '../store/state.js';
import type { ResourceDefinition } from './definition.js';
import { readTimestampText } from './filter/literals.js';

/** Takes resources whose time has come for deleted, before anybody deletes them. */
export interface Expiry {
  isThere(state: StateDocument | undefined): state is StateDocument;
  /** Met by what has not expired; `undefined` if nothing ever does. */
  condition(): Condition | undefined;
}

export function createExpiry({ expireTime }: Pick<ResourceDefinition<never>, 'expireTime'>, now: () => number): Expiry {
  if (expireTime === undefined) {
    return { isThere: (state): state is StateDocument => state !== undefined, condition: () => undefined };
  }
  const { field, stored } = expireTime;
  const moment = () => (stored === 'milliseconds' ? now() : toText(now()));
  return {
    isThere: (state): state is StateDocument => {
      if (state === undefined) return false;
      const expires = valueOfField(state, field);
      if (typeof expires !== 'string' && typeof expires !== 'number') return true;
      return compareScalars(expires, moment()) > 0;
    },
    condition: () => ({
      kind: 'not',
      condition: { kind: 'compare', field, comparator: '<=', value: moment() },
    }),
  };
}

function toText(ms: number): string {
  const text = readTimestampText(new Date(ms).toISOString());
  if (text === undefined) throw new RangeError(`Cannot compare with time ${ms}: it is outside of years 1 to 9999`);
  return text;
}
