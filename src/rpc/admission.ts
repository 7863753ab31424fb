import type { Logger } from 'pino';
import type { Metrics } from '../telemetry/metrics.js';
import { LIMIT_SETTINGS, limitError, type Limits } from './limits.js';
import type { LoadLimit } from './load-limit.js';
import type { Method } from './method-table.js';
import type { OpenCalls } from './open-calls.js';
import { toStatusError, type StatusError } from './status.js';
import { createTally } from './tally.js';

/** When a caller may come back that met too many calls. */
const OVERLOAD_RETRY_MS = 500;

export interface AdmissionDeps {
  readonly limits: Limits;
  readonly openCalls: Pick<OpenCalls, 'size'>;
  /** How many unary calls may run while there is too much to do. */
  readonly load?: Pick<LoadLimit, 'hasRoomFor'> | undefined;
  readonly log: Pick<Logger, 'warn'>;
  readonly metrics?: Pick<Metrics, 'countRefused'> | undefined;
}

/** Tells with what a call is turned away before it begins; undefined for one that may begin. */
export type Admission = (method: Method) => StatusError | undefined;

/**
 * A server that has too much to do must spend next to nothing on what it does not do. So a call that is turned away has no
 * identity, no line in the log and no span: it is counted, its answer is made once for all, and one line now and then says
 * how many there were.
 */
export function createAdmission({ limits, openCalls, load, log, metrics }: AdmissionDeps): Admission {
  const refusal = (limit: 'callsMax' | 'latenessMsMax', message: string) => {
    const status = toStatusError(
      limitError(limits, limit, message, { reason: 'OVERLOADED', retryDelayMs: OVERLOAD_RETRY_MS }),
      '',
    );
    const setting = LIMIT_SETTINGS[limit];
    const tally = createTally((refused) => log.warn({ refused, limit: setting, max: limits[limit] }, 'calls refused'));
    return () => {
      tally();
      metrics?.countRefused(setting);
      return status;
    };
  };
  const tooMany = refusal('callsMax', 'Too many calls run already');
  const tooLate = refusal('latenessMsMax', 'Too much work waits already');
  return (method) => {
    // Health must answer while everything else is too much, or a server that is busy looks dead.
    if (method.path.startsWith('/grpc.')) return undefined;
    if (openCalls.size >= limits.callsMax) return tooMany();
    if (method.descriptor.methodKind === 'unary' && load?.hasRoomFor(method) === false) return tooLate();
    return undefined;
  };
}
