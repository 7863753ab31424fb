import type { Dispatcher, IncomingCall } from '../call.js';
import { ServiceError } from '../errors.js';
import { CallMetadata } from '../metadata.js';
import type { Method, MethodTable } from '../method-table.js';
import { REQUEST_ID_KEY } from '../request-id.js';
import { StatusError, toStatusError } from '../status.js';
import { CallError } from './call-error.js';
import type { OutgoingCall, Transport } from './transport.js';

export interface InProcessDeps {
  readonly table: Pick<MethodTable, 'methods'>;
  readonly dispatcher: Dispatcher;
}

/** Carries calls to services of the same process: the same path, policies, errors and log, and no wire. */
export function createInProcessTransport({ table, dispatcher }: InProcessDeps): Transport {
  const running = new Set<AbortController>();

  async function once(call: OutgoingCall, start: Start<Promise<Uint8Array>>): Promise<Uint8Array> {
    const local = openLocalCall(call, running);
    try {
      return await start(methodOf(table, call), local.incoming);
    } catch (err) {
      throw toCallError(err, local.incoming);
    } finally {
      local.close();
    }
  }

  async function* many(call: OutgoingCall, start: Start<AsyncIterable<Uint8Array>>): AsyncGenerator<Uint8Array> {
    const local = openLocalCall(call, running);
    try {
      yield* start(methodOf(table, call), local.incoming);
    } catch (err) {
      throw toCallError(err, local.incoming);
    } finally {
      local.close();
    }
  }

  return {
    unary: (call, request) => once(call, (method, incoming) => dispatcher.unary(method, incoming, request)),
    serverStream: (call, request) =>
      many(call, (method, incoming) => dispatcher.serverStream(method, incoming, request)),
    clientStream: (call, requests) =>
      once(call, (method, incoming) => dispatcher.clientStream(method, incoming, requests)),
    bidiStream: (call, requests) => many(call, (method, incoming) => dispatcher.bidiStream(method, incoming, requests)),
    close() {
      for (const gone of [...running]) gone.abort();
    },
  };
}

type Start<T> = (method: Method, incoming: IncomingCall) => T;

function methodOf({ methods }: InProcessDeps['table'], { path }: OutgoingCall): Method {
  const method = methods.get(path);
  if (method !== undefined) return method;
  throw new ServiceError('METHOD_NOT_FOUND', `There is no method "${path}"`);
}

interface LocalCall {
  readonly incoming: IncomingCall;
  close(): void;
}

function openLocalCall(call: OutgoingCall, running: Set<AbortController>): LocalCall {
  const { metadata, timeoutMs, signal, responseMetadata = new CallMetadata() } = call;
  const gone = new AbortController();
  const cancel = () => gone.abort();
  running.add(gone);
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted === true) cancel();
  const incoming: IncomingCall = {
    protocol: 'in-process',
    peer: 'in-process',
    metadata,
    timeoutMs,
    signal: gone.signal,
    responseMetadata,
  };
  return {
    incoming,
    close() {
      running.delete(gone);
      signal?.removeEventListener('abort', cancel);
    },
  };
}

function toCallError(err: unknown, { responseMetadata }: IncomingCall): CallError {
  const requestId = responseMetadata.get(REQUEST_ID_KEY);
  const status = err instanceof StatusError ? err : toStatusError(err, requestId ?? '');
  const { code, message } = status;
  return new CallError({ code, message, status: status.toBytes(), requestId, cause: err });
}
