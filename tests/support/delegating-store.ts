import type { Store } from '../../src/store/store.js';

/** A store that does what another one does, save what a test wants done differently. */
export function delegateStore(store: Store, overrides: Partial<Store>): Store {
  return { ...store, ...overrides };
}

/** A place where a test stops a process, and lets it go on. */
export interface Gate {
  /** Resolves when something waits at the gate. */
  readonly reached: Promise<void>;
  /** Waits until the gate is opened. */
  pass(): Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  let announce = () => {};
  let open = () => {};
  const reached = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    reached,
    pass: () => {
      announce();
      return opened;
    },
    open,
  };
}
