import type { Precondition, Put } from '../../src/ledger/commit.js';
import type { JsonObject } from '../../src/store/json-value.js';

/** A write to the collection `orders`. */
export function put(id: string, value: JsonObject, precondition?: Precondition): Put {
  return { kind: 'put', collection: 'orders', id, value, ...(precondition && { precondition }) };
}
