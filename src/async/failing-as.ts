/**
 * Passes on what a source gives, and makes another error of the one that it fails with. An object and not a generator, which
 * would cost several turns of the microtask queue for each value.
 */
export function failingAs<T>(source: AsyncIterable<T>, translate: (err: unknown) => unknown): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      const fail = (err: unknown): never => {
        throw translate(err);
      };
      return {
        next: () => iterator.next().then(undefined, fail),
        return: async () => {
          await iterator.return?.().then(undefined, fail);
          return { done: true, value: undefined };
        },
      };
    },
  };
}
