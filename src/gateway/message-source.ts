/** The messages of a stream that has begun, without any that has been taken. */
export interface MessageSource {
  /** Gives the next message: once, for nobody holds on to it here. */
  next(): Promise<IteratorResult<Uint8Array, unknown>>;
  /** Ends the stream. */
  end(): Promise<void>;
}

/** Puts the first message, which somebody has asked for already, in front of the others. */
export function messageSource(
  first: Promise<IteratorResult<Uint8Array, unknown>>,
  messages: AsyncIterator<Uint8Array, unknown>,
): MessageSource {
  let head: typeof first | undefined = first;
  return {
    next() {
      const next = head ?? messages.next();
      head = undefined;
      return next;
    },
    async end() {
      await messages.return?.();
    },
  };
}
