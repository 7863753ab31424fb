import type { Logger } from 'pino';
import type { IncomingCall } from './call.js';
import type { Caller } from './context.js';
import type { Method } from './method-table.js';
import type { StatusError } from './status.js';

/** What one line of the access log is made of. */
export interface EndedCall {
  readonly method: Method;
  readonly call: IncomingCall;
  readonly caller: Caller;
  readonly requestId: string;
  readonly traceId: string;
  /** Undefined for a call that went well. */
  readonly status: StatusError | undefined;
  readonly durationMs: number;
}

const HEALTH_SERVICE = 'grpc.health.v1.Health';
const MICROS_PER_MS = 1000;

/** Writes one line a call, with fixed keys: health at debug, INTERNAL at error with its cause, the rest at info. */
export function createCallLog(log: Logger): (ended: EndedCall) => void {
  return ({ method, call, caller, requestId, traceId, status, durationMs }) => {
    const line = {
      method: method.path.slice(1),
      protocol: call.protocol,
      code: status?.codeName ?? 'OK',
      durationMs: Math.round(durationMs * MICROS_PER_MS) / MICROS_PER_MS,
      requestId,
      traceId,
      caller: caller.name,
      peer: call.peer,
    };
    if (status?.codeName === 'INTERNAL') log.error({ ...line, err: status.cause }, 'call failed');
    else if (method.descriptor.parent.typeName === HEALTH_SERVICE) log.debug(line, 'call');
    else if (status !== undefined) log.info({ ...line, error: status.message }, 'call');
    else log.info(line, 'call');
  };
}
