import type { Message } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import type { EventLoopWatch } from '../telemetry/event-loop.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { CallSpan, TracedCall, Tracing } from '../telemetry/tracing.js';
import type { WorkKind, WorkLog } from '../telemetry/work.js';
import type { AuditRecord, AuditSink } from './access.js';
import { createCallLog, type EndedCall } from './call-log.js';
import type { IncomingCall } from './call.js';
import type { ServiceClient } from './client/create-client.js';
import type { ServiceClients } from './client/service-clients.js';
import type { ServiceDefinition } from './service.js';
import { CONSISTENCY_TOKEN_KEY, ConsistencyOfCall, createTokenWriter, type TokenWriter } from './consistency.js';
import { ContextOfCall } from './context-of-call.js';
import { ANONYMOUS, type Caller, type CallContext, type Clock } from './context.js';
import { ServiceError } from './errors.js';
import { CallLifetime } from './lifetime.js';
import type { Limits } from './limits.js';
import type { LoadLimit } from './load-limit.js';
import type { Method, MethodTable } from './method-table.js';
import { draining, type OpenCalls } from './open-calls.js';
import { propagate } from './propagation.js';
import { REQUEST_ID_KEY, requestIdOf } from './request-id.js';
import { scrubbingLog, scrubError } from './scrub.js';
import { rememberRequests, type SeenRequests } from './seen-requests.js';
import { Stages } from './stages.js';
import { toStatusError, type StatusError } from './status.js';
import { parentOf, toTraceparent, traceOf, type Trace } from './trace.js';

/** What every call of a process shares. */
export interface CallEnvironment {
  readonly table: MethodTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly openCalls: OpenCalls;
  /** Of the services that handlers call. */
  readonly clients?: ServiceClients | undefined;
  readonly limits: Limits;
  /** The database that answers come from, for their consistency tokens. Without one answers carry none. */
  readonly databaseId?: string | undefined;
  /** How many unary calls may run while there is too much to do. */
  readonly load?: Pick<LoadLimit, 'hasRoomFor' | 'begin'> | undefined;
  /** Tells what is done for each call. */
  readonly work?: Pick<WorkLog, 'follow'> | undefined;
  /** Records spans. */
  readonly tracing?: Pick<Tracing, 'beginCall'> | undefined;
  /** Keeps what callers did. */
  readonly audit: AuditSink;
  /** Counts calls that have ended. */
  readonly metrics?: Pick<Metrics, 'countCall' | 'countRefused'> | undefined;
  /** Tells how late the process has been lately, for calls that were too late. */
  readonly eventLoop?: Pick<EventLoopWatch, 'lagMs'> | undefined;
}

const AUDIT_RETRY_MS = 1000;

export type CallOpener = (method: Method, call: IncomingCall) => RunningCall;

/**
 * Starts calls. Whoever starts one ends it with succeed(), fail() or abandon(); the first of them counts. A call also
 * fails by itself when its caller goes, its deadline passes or the server drains, even while nobody reads its answer.
 */
export function createCallOpener(environment: CallEnvironment): CallOpener {
  const { log, databaseId } = environment;
  const tokens = databaseId === undefined ? undefined : createTokenWriter(databaseId);
  const deps = { environment, logCall: createCallLog(log), tokens };
  return (method, call) => new RunningCall(deps, method, call);
}

interface RunningCallDeps {
  readonly environment: CallEnvironment;
  readonly logCall: (ended: EndedCall) => void;
  readonly tokens: TokenWriter | undefined;
}

/** One call from its first byte to its line in the log. */
export class RunningCall {
  readonly method: Method;
  readonly call: IncomingCall;
  readonly lifetime: CallLifetime;
  readonly context: CallContext;
  readonly requestId: string;
  readonly trace: Trace;
  readonly consistency: ConsistencyOfCall;
  readonly stages = new Stages();
  caller: Caller = ANONYMOUS;
  /** The name of the resource that the permission is judged on, once it is known. */
  resource = '';
  /** Whether the permission has been judged, and is held. */
  isPermitted = false;
  readonly #environment: CallEnvironment;
  readonly #logCall: (ended: EndedCall) => void;
  readonly #startMs = performance.now();
  readonly #seen: SeenRequests | undefined;
  readonly #span: CallSpan | undefined;
  readonly #endLoad: ReturnType<LoadLimit['begin']> | undefined;
  #isFollowed = false;
  #isInAudit = false;
  #ended = false;
  #hasToldToken = false;
  #status: StatusError | undefined;

  constructor({ environment, logCall, tokens }: RunningCallDeps, method: Method, call: IncomingCall) {
    this.#environment = environment;
    this.#logCall = logCall;
    this.method = method;
    this.call = call;
    this.#seen = rememberRequests(method);
    this.requestId = requestIdOf(call.metadata);
    this.#span = environment.tracing?.beginCall(
      { service: method.descriptor.parent.typeName, method: method.descriptor.name },
      { 'keelson.protocol': call.protocol, 'keelson.request_id': this.requestId },
      parentOf(call.metadata),
    );
    this.trace = this.#span ?? traceOf(call.metadata);
    this.consistency = new ConsistencyOfCall(method, call.metadata, tokens);
    call.responseMetadata.add(REQUEST_ID_KEY, this.requestId);
    this.lifetime = new CallLifetime(call.signal, timeoutMs(method, call), (reason) =>
      this.fail(this.#explain(reason)),
    );
    this.context = new ContextOfCall(this, environment.clock);
    const isStream = method.descriptor.methodKind !== 'unary';
    environment.openCalls.add(this.lifetime, { isStream });
    this.#endLoad = isStream ? undefined : environment.load?.begin(method);
  }

  /** Aborts when the call ends. What is done with it is noted, from when somebody asks for it. */
  get signal(): AbortSignal {
    const { signal } = this.lifetime;
    if (!this.#isFollowed) {
      this.#isFollowed = true;
      this.#environment.work?.follow(signal, { begin: (kind, name) => this.#beginWork(kind, name) });
    }
    return signal;
  }

  /** Begins the span of a call that is made for this one. Undefined where nothing is traced. */
  beginOutgoing(call: TracedCall): CallSpan | undefined {
    return this.#span?.beginOutgoing(call);
  }

  /** Takes in a decoded request before anything is judged of it. Undefined where none has to be remembered. */
  get onRequest(): ((message: Message) => void) | undefined {
    return this.#seen?.add;
  }

  /** Throws when the call came broken, asks for what cannot be, or when the server takes no calls any more. */
  assertAdmitted(): void {
    if (this.call.fault !== undefined) throw this.call.fault;
    // What a running call asks of a service next door is a part of that call, which was let in.
    if (this.call.protocol === 'in-process') return;
    if (this.#environment.openCalls.draining) throw draining();
    this.consistency.admit();
  }

  /** Is called before each answer of a stream. */
  beginAnswer(): void {
    this.stages.enter('answer');
    this.#tellToken();
  }

  /** Adds the token of what the call saw to its metadata, which goes out with its first answer, or with its error. */
  #tellToken(): void {
    if (this.#hasToldToken) return;
    this.#hasToldToken = true;
    const token = this.consistency.answerToken();
    if (token !== undefined) this.call.responseMetadata.add(CONSISTENCY_TOKEN_KEY, token);
  }

  /** Throws when the call has failed already: what a handler still gives then is not an answer. */
  succeed(): void {
    if (this.#status !== undefined) throw this.#status;
    this.#end(undefined);
  }

  /** Gives what the caller is told, which is the first failure of the call. */
  fail(err: unknown): StatusError {
    this.#status ??= toStatusError(this.#hideSensitive(err), this.requestId);
    this.#end(this.#status);
    return this.#status;
  }

  /** Settles when the audit has kept that the call went well. Throws AUDIT_UNAVAILABLE when it cannot. */
  async keepInAudit(): Promise<void> {
    const entry = this.#auditRecord(undefined);
    this.#isInAudit = true;
    try {
      await this.#environment.audit.record(entry);
    } catch (err) {
      this.#environment.log.error({ err, audit: entry }, 'audit failed');
      throw new ServiceError('AUDIT_UNAVAILABLE', 'Call was carried out, but the audit could not keep it: repeat it', {
        retryDelayMs: AUDIT_RETRY_MS,
      });
    }
  }

  /** Ends the call because nobody reads its answer any more. */
  abandon(): void {
    if (!this.#ended) this.fail(new ServiceError('CALL_CANCELLED', 'Call was cancelled by the caller'));
  }

  #end(status: StatusError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#tellToken();
    this.lifetime.close();
    this.#environment.openCalls.delete(this.lifetime);
    // What failed says nothing about how long calls take, unless it took too long.
    this.#endLoad?.({ isTelling: status === undefined || status.codeName === 'DEADLINE_EXCEEDED' });
    this.#report(status);
    this.call.onEnd?.(status);
  }

  #report(status: StatusError | undefined): void {
    const { method, call, caller } = this;
    const durationMs = performance.now() - this.#startMs;
    const { traceId } = this.trace;
    this.#logCall({ method, call, caller, requestId: this.requestId, traceId, status, durationMs });
    this.#environment.metrics?.countCall({
      service: method.descriptor.parent.typeName,
      method: method.descriptor.name,
      protocol: call.protocol,
      code: status?.codeName ?? 'OK',
      durationMs,
      requestId: this.requestId,
      isStream: method.descriptor.methodKind !== 'unary',
    });
    this.#span?.end(status?.codeName ?? 'OK', status?.code ?? 0);
    this.#auditEnd(status);
  }

  #beginWork(kind: WorkKind, name: string): (err?: unknown) => void {
    const endStage = this.stages.beginWork();
    const endSpan = this.#span?.work.begin(kind, name);
    return (err) => {
      endStage();
      endSpan?.(err);
    };
  }

  /**
   * What was not kept before the answer is kept now, and what was denied whatever its policy says. Whom nobody knows did
   * nothing: the log has the refusal.
   */
  #auditEnd(status: StatusError | undefined): void {
    const { method, caller } = this;
    const isDenied = status?.codeName === 'PERMISSION_DENIED';
    if ((method.audit === undefined && !isDenied) || this.#isInAudit) return;
    if (caller === ANONYMOUS && method.policy.access.kind !== 'public') return;
    const entry = this.#auditRecord(status);
    this.#environment.audit.record(entry).catch((err: unknown) => {
      this.#environment.log.error({ err, audit: entry }, 'audit failed');
    });
  }

  #auditRecord(status: StatusError | undefined): AuditRecord {
    const { method, call, caller, resource } = this;
    const { access } = method.policy;
    const durationMs = performance.now() - this.#startMs;
    return {
      caller: caller.name,
      method: method.path.slice(1),
      permission: access.kind === 'permission' ? access.name : undefined,
      resource: method.sensitive === undefined ? resource : (this.#seen?.scrub()(resource) ?? ''),
      timeMs: Math.round(this.#environment.clock.now() - durationMs),
      peer: call.peer,
      protocol: call.protocol,
      requestId: this.requestId,
      traceId: this.trace.traceId,
      code: status?.codeName ?? 'OK',
      reason: status?.reason,
      requests: this.#seen?.forAudit(),
    };
  }

  #hideSensitive(err: unknown): unknown {
    return this.method.sensitive === undefined || this.#seen === undefined ? err : scrubError(err, this.#seen.scrub());
  }

  /** Says where the time of a call went that was too late: a deadline alone tells nobody what to mend. */
  #explain(reason: ServiceError): ServiceError {
    if (reason.reason !== 'DEADLINE_EXCEEDED') return reason;
    const lagMs = Math.round(this.#environment.eventLoop?.lagMs() ?? 0);
    const lag = lagMs > 0 ? `; the process was late by up to ${lagMs} ms` : '';
    return new ServiceError('DEADLINE_EXCEEDED', `${reason.message}: ${this.stages.describe()}${lag}`);
  }

  /** Gives what a call made for this one carries on. */
  propagated(): ReadonlyMap<string, string> {
    const traceparent = toTraceparent(this.trace);
    const consistency = this.consistency.carriedOn();
    return propagate(this.call.metadata, { requestId: this.requestId, traceparent, consistency });
  }

  /** Makes a client for calls that are made for this one, in the name of its caller. */
  clientOf<D extends ServiceDefinition>(definition: D, context: CallContext): Omit<ServiceClient<D>, 'close'> {
    const { clients } = this.#environment;
    if (clients === undefined) throw new Error('There are no clients: this process was put together without');
    return clients.clientFor(definition, context, this.call);
  }

  /** Makes the log of the handler: it names the call, and hides what its contract calls sensitive. */
  createLog(): Logger {
    const child = this.#environment.log.child({ requestId: this.requestId });
    const seen = this.method.sensitive && this.#seen;
    return seen === undefined ? child : scrubbingLog(child, () => seen.scrub());
  }
}

/** The caller may ask for less than the policy's cap, never for more. */
function timeoutMs({ policy }: Method, call: IncomingCall): number {
  return Math.min(call.timeoutMs ?? policy.deadlineDefaultMs, policy.deadlineMaxMs);
}
