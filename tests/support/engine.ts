import type { Store } from '../../src/store/store.js';

/** A database that a test opens, closes and opens again, as often as it likes. */
export interface Engine {
  /** Opens the database; every store that is opened is closed by `destroy` if the test did not. */
  open(): Promise<Store>;
  /** Whether the server orders texts by their UTF-16 form, where MongoDB orders them by their bytes. */
  readonly ordersByUtf16?: boolean;
  /** Removes the database. */
  destroy(): Promise<void>;
}

/** Makes an engine with a new, empty database. */
export type CreateEngine = () => Promise<Engine>;
