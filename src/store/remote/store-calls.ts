import type { LeaseName } from '../lease.js';
import type { IndexDeclaration } from '../query/query.js';

/** The channel of a line on which a store is used. */
export const STORE_CHANNEL = 'store';

/** What a process that uses a store must know at once. */
export interface StoreDescription {
  readonly databaseId: string;
  readonly collections: readonly string[];
}

export interface EntryRange {
  readonly after: number;
  readonly limit: number;
}

export interface LeaseRange {
  readonly after: LeaseName | undefined;
  readonly limit: number;
}

export interface DeclaredIndexes {
  readonly collection: string;
  readonly indexes: readonly IndexDeclaration[];
}
