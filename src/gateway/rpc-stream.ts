import { Readable } from 'node:stream';
import { toStatusError, type StatusError } from '../rpc/status.js';
import type { CallDeps } from './call-deps.js';
import { HttpFailure } from './http/http-failure.js';
import { logRefusal } from './request-log.js';
import type { RpcRequest } from './rpc-request.js';
import { messageSource, type MessageSource } from './message-source.js';
import { settledWithin } from './settled-within.js';

/** How a protocol writes the answers of a call into a body. */
export interface RpcStreamForm {
  message(message: Uint8Array): Promise<string | Buffer>;
  /** Writes the last piece; undefined stands for a good end. */
  end(status: StatusError | undefined): string | Buffer;
}

/**
 * Makes the body of an answer that says at its end how the call went. Resolves when the call has begun to answer, so
 * that its metadata is there, or after a while: a stream that is only quiet has begun all the same.
 */
export async function openRpcStream(
  deps: CallDeps,
  rpc: RpcRequest,
  { answers, form }: { readonly answers: AsyncIterable<Uint8Array>; readonly form: RpcStreamForm },
): Promise<Readable> {
  const messages = answers[Symbol.asyncIterator]();
  const first = messages.next();
  await settledWithin(
    first.catch(() => undefined),
    deps.streamTimes.firstMessageWaitMs,
  );
  return Readable.from(encode(deps, rpc, { messages: messageSource(first, messages), form }), { highWaterMark: 1 });
}

interface RunningStream {
  readonly messages: MessageSource;
  readonly form: RpcStreamForm;
}

async function* encode(
  { log }: CallDeps,
  { exchange }: RpcRequest,
  { messages, form }: RunningStream,
): AsyncGenerator<string | Buffer> {
  try {
    exchange.response.flushHeaders();
    for (;;) {
      const piece = await nextPiece(messages, form);
      if (piece === undefined) break;
      yield piece;
    }
    yield form.end(undefined);
  } catch (err) {
    logRefusal(log, exchange, err);
    yield form.end(toStatusError(err instanceof HttpFailure ? err.failure : err, exchange.requestId));
  } finally {
    await messages.end();
  }
}

async function nextPiece(messages: MessageSource, form: RpcStreamForm): Promise<string | Buffer | undefined> {
  const next = await messages.next();
  return next.done === true ? undefined : form.message(next.value);
}
