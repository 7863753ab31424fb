import type { ClientWritableStream } from '@grpc/grpc-js';

/** Requests that are being sent. */
export interface SentRequests {
  /** Gives what their source threw, where it did: that is why the call was cancelled then. */
  failure(): Error | undefined;
}

/**
 * Sends requests no faster than the peer reads them. A source that throws cancels the call; a call that ends tells the
 * source to stop, and waits for nothing more from it.
 */
export function sendRequests(
  call: ClientWritableStream<Uint8Array>,
  requests: AsyncIterable<Uint8Array>,
): SentRequests {
  const iterator = requests[Symbol.asyncIterator]();
  let failure: Error | undefined;
  let hasEnded = false;
  // gRPC calls no write back once a call has ended.
  let release: () => void = () => undefined;
  call.once('status', () => {
    hasEnded = true;
    release();
    iterator.return?.().then(undefined, () => undefined);
  });

  async function send(): Promise<void> {
    for (;;) {
      const next = await iterator.next();
      if (hasEnded) return;
      if (next.done === true) return void call.end();
      await new Promise<void>((resolve) => {
        release = resolve;
        call.write(next.value, () => resolve());
      });
      if (hasEnded) return;
    }
  }

  send().catch((err: unknown) => {
    failure = err instanceof Error ? err : new Error(String(err), { cause: err });
    call.cancel();
  });
  return { failure: () => failure };
}
