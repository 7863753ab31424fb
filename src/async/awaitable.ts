/** A value that is there, or a promise of it: who need not wait does not. */
export type Awaitable<T> = T | Promise<T>;
