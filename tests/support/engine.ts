import type { Entry } from '../../src/store/entry.js';
import type { StateDocument } from '../../src/store/state.js';
import type { Store } from '../../src/store/store.js';

/** A database that a test opens, closes and opens again, as often as it likes. */
export interface Engine {
  /** Opens the database; every store that is opened is closed by `destroy` if the test did not. */
  open(): Promise<Store>;
  /** Whether the server orders texts by their UTF-16 form, where MongoDB orders them by their bytes. */
  readonly ordersByUtf16?: boolean;
  /** Changes the database behind the ledger's back. No store may be open on an embedded one. */
  readonly tamper: Tamper;
  /** Removes the database. */
  destroy(): Promise<void>;
}

/** What someone with a database client could do. */
export interface Tamper {
  readEntry(first: number): Promise<Entry>;
  /** Puts an entry under its first revision, in the place of what is there. */
  writeEntry(entry: Entry): Promise<void>;
  removeEntry(first: number): Promise<void>;
  /** Puts a document in the place of what is there. */
  writeDocument(document: StateDocument): Promise<void>;
  removeDocument(collection: string, id: string): Promise<void>;
}

/** Makes an engine with a new, empty database. */
export type CreateEngine = () => Promise<Engine>;
