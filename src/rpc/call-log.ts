import type { Logger } from 'pino';
import { createLineWriter, quote } from '../telemetry/line-writer.js';
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

/**
 * Writes one line a call, with fixed keys: health at debug, INTERNAL at error with its cause, the rest at info. Where the database
 * is what fails, its cause is there as well: the caller is not told, and only it says what to mend.
 */
export function createCallLog(log: Logger): (ended: EndedCall) => void {
  const logGood = createGoodCallLog(log);
  return (ended) => {
    const { method, status } = ended;
    if (status?.codeName === 'INTERNAL') log.error({ ...lineOf(ended), err: status.cause }, 'call failed');
    else if (method.descriptor.parent.typeName === HEALTH_SERVICE) log.debug(lineOf(ended), 'call');
    else if (status !== undefined) log.info({ ...lineOf(ended), error: status.message, ...causeOf(status) }, 'call');
    else logGood(ended);
  };
}

function causeOf({ reason, cause }: StatusError): object {
  return reason === 'STORE_UNAVAILABLE' ? { err: cause } : {};
}

function lineOf({ method, call, caller, requestId, traceId, status, durationMs }: EndedCall): object {
  return {
    method: method.path.slice(1),
    protocol: call.protocol,
    code: status?.codeName ?? 'OK',
    durationMs: roundToMicros(durationMs),
    requestId,
    traceId,
    caller: caller.name,
    peer: call.peer,
  };
}

/** Writes the same lines of calls that went well, which nearly all are, for less. */
function createGoodCallLog(log: Logger): (ended: EndedCall) => void {
  const write = createLineWriter(log);
  const methods = new Map<Method, string>();
  const methodMember = (method: Method) => {
    let member = methods.get(method);
    if (member === undefined) {
      member = `,"method":${quote(method.path.slice(1))}`;
      methods.set(method, member);
    }
    return member;
  };
  return ({ method, call, caller, requestId, traceId, durationMs }) => {
    const what = `${methodMember(method)},"protocol":"${call.protocol}","code":"OK","durationMs":${roundToMicros(durationMs)}`;
    const ids = `,"requestId":${quote(requestId)},"traceId":"${traceId}"`;
    write(`${what}${ids},"caller":${quote(caller.name)},"peer":${quote(call.peer)},"msg":"call"`);
  };
}

function roundToMicros(ms: number): number {
  return Math.round(ms * MICROS_PER_MS) / MICROS_PER_MS;
}
