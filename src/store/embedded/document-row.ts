import type { JsonObject } from '../json-value.js';
import type { StateDocument } from '../state.js';

/** A row of the table of a collection. */
export interface DocumentRow {
  readonly id: string;
  readonly value: string;
  readonly revision: number;
  readonly create_revision: number;
  readonly create_time: number;
  readonly update_time: number;
}

export function documentOfRow(collection: string, row: DocumentRow): StateDocument {
  return {
    collection,
    id: row.id,
    value: JSON.parse(row.value) as JsonObject,
    revision: row.revision,
    createRevision: row.create_revision,
    createTime: row.create_time,
    updateTime: row.update_time,
  };
}
