import type { Store } from '../../src/store/store.js';

/** A database that a test opens, closes and opens again, as often as it likes. */
export interface Engine {
  /** Opens the database; every store that is opened is closed by `destroy` if the test did not. */
  open(): Promise<Store>;
  /** Removes the database. */
  destroy(): Promise<void>;
}

/** Makes an engine with a new, empty database. */
export type CreateEngine = () => Promise<Engine>;
