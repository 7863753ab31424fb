/** A value that is there, or a promise of it: who need not wait does not. */
export type Awaitable<T> = T | Promise<T>;

/** Goes on with a value, at once where it is there. */
export function afterwards<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
