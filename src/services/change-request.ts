import { createHash } from 'node:crypto';
import type { ChangeOptions } from '../repositories/resource.js';
import type { CallContext } from '../rpc/context.js';

/** What a repeat of a change is recognised by. */
export interface RepeatableChange {
  /** The method, so that one id cannot serve two kinds of changes. */
  readonly method: string;
  /** The `request_id` of AIP-155. A change without one is not safe to repeat. */
  readonly requestId: string;
  /** Encodes the request, if it can be repeated: the same id with other bytes is refused. */
  readonly encode: () => Uint8Array;
}

/** Makes the options of a change from its call. */
export function changeOptions(ctx: CallContext, { method, requestId, encode }: RepeatableChange): ChangeOptions {
  const { signal, consistency } = ctx;
  if (requestId === '') return { signal, consistency };
  const fingerprint = createHash('sha256').update(method).update('\n').update(encode()).digest('hex');
  return { signal, consistency, request: { caller: ctx.caller.name, id: requestId.toLowerCase(), fingerprint } };
}
