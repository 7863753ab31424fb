import type { IncomingCall, LazyDispatcher } from '../../src/rpc/call.js';
import { ServiceError } from '../../src/rpc/errors.js';
import type { Method } from '../../src/rpc/method-table.js';
import { StatusError } from '../../src/rpc/status.js';

/** The suite wants the errors of a server to have no details. Ours always say their reason: that is taken out here. */
export function withoutOwnDetails(inner: LazyDispatcher): LazyDispatcher {
  const strip = (err: unknown): unknown => {
    if (!(err instanceof StatusError)) return err;
    const details = err.details.filter(({ typeUrl }) => !typeUrl.includes('/google.rpc.'));
    return new StatusError(err.code, err.message, details);
  };
  const wrap = (call: IncomingCall): IncomingCall => ({
    ...call,
    onEnd: (status) => call.onEnd?.(status && (strip(status) as StatusError)),
  });
  async function once(answer: Promise<Uint8Array>): Promise<Uint8Array> {
    try {
      return await answer;
    } catch (err) {
      throw strip(err);
    }
  }
  async function* many(answers: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* answers;
    } catch (err) {
      throw strip(err);
    }
  }
  return {
    refuse: (method) => inner.refuse(method),
    unary: (method, call, request) => once(inner.unary(method, wrap(call), request)),
    serverStream: (method, call, request) => many(inner.serverStream(method, wrap(call), request)),
    clientStream: (method, call, requests) => once(inner.clientStream(method, wrap(call), requests)),
    bidiStream: (method, call, requests) => many(inner.bidiStream(method, wrap(call), requests)),
  };
}

/** Serves unknown methods too, so that their failure goes the way of all others. */
export class KnowingAll extends Map<string, Method> {
  override get(path: string): Method | undefined {
    const any = super.get('/connectrpc.conformance.v1.ConformanceService/Unary');
    const handler = () => Promise.reject(new ServiceError('METHOD_NOT_FOUND', 'There is no such method'));
    return super.get(path) ?? (any && { ...any, path, handler });
  }
}
