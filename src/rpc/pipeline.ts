import type { AuditSink, Authenticator, Authorizer } from './access.js';
import { createLogAudit } from './audit.js';
import type { IncomingCall, LazyDispatcher, Request } from './call.js';
import { assertSize, countUpTo } from './call-limits.js';
import type { Method } from './method-table.js';
import { createAdmission, type Admission } from './admission.js';
import { authorize, createStandingJudge, identify } from './judge-call.js';
import { createResponseEncoder, type ResponseEncoder } from './response-encoder.js';
import { createCallOpener, type CallEnvironment, type CallOpener, type RunningCall } from './running-call.js';
import { createDecodeValid, malformedMessage } from './validation.js';

export interface PipelineDeps extends Omit<CallEnvironment, 'audit'> {
  /** Keeps what callers did: lines in the log where it is left out. */
  readonly audit?: AuditSink | undefined;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

/** Makes the input of a handler from what arrived: one message, or an iterable of them. */
type Admit = (running: RunningCall) => unknown;

/**
 * Builds the one call path: lifetime, identity, validation, permission, handler, log. The stages before the handler run
 * on the bytes that arrived; the handler gets the message that ts-proto decodes from the same bytes.
 */
export function createDispatcher(deps: PipelineDeps): LazyDispatcher {
  const refuse = createAdmission(deps);
  const begin = admitting(refuse, createCallOpener({ ...deps, audit: deps.audit ?? createLogAudit(deps.log) }));
  const decodeValid = createDecodeValid(deps.table.registry);
  const parts = { authenticator: deps.authenticator, encodeResponse: createResponseEncoder(deps.limits) };
  const holdTo = createStandingJudge(deps);

  async function respondOnce(method: Method, call: IncomingCall, admit: Admit): Promise<Uint8Array> {
    const running = begin(method, call);
    try {
      // One race for all that the call waits for.
      const bytes = await running.lifetime.race(work(parts, running, admit));
      running.succeed();
      return bytes;
    } catch (err) {
      throw running.fail(err);
    }
  }

  async function* respondMany(method: Method, call: IncomingCall, admit: Admit): AsyncGenerator<Uint8Array> {
    const running = begin(method, call);
    try {
      running.assertAdmitted();
      running.caller = await running.lifetime.race(identify(deps.authenticator, running));
      running.stages.enter('request');
      const input = await running.lifetime.race(Promise.resolve(admit(running)));
      holdTo(running);
      const responses = method.handler(running.context, input, call) as AsyncIterable<unknown>;
      running.stages.enter('handler');
      const counter = countUpTo(method, 'responseMessagesMax');
      for await (const response of untilEnd(running, responses)) {
        running.beginAnswer();
        counter.count();
        yield parts.encodeResponse(method, response);
        running.stages.enter('handler');
      }
      if (method.audit?.beforeAnswer === true) await running.lifetime.race(running.keepInAudit());
      running.succeed();
    } catch (err) {
      throw running.fail(err);
    } finally {
      // Only a reader that stops early gets here with the call still open.
      running.abandon();
    }
  }

  async function receive(running: RunningCall, request: Request): Promise<unknown> {
    if (typeof request !== 'function') return admitOne(running, request);
    const bytes = await request();
    running.lifetime.assertOpen();
    return admitOne(running, bytes);
  }

  async function admitOne(running: RunningCall, request: Uint8Array): Promise<unknown> {
    const { method } = running;
    assertSize(method, 'requestBytesMax', request.byteLength);
    const message = decodeValid(method.descriptor.input, request, running.onRequest);
    if (method.policy.access.kind === 'permission') await authorize(deps.authorizer, running, message);
    return decodeRequest(method, request);
  }

  return {
    refuse,
    unary: (method, call, request) => respondOnce(method, call, (running) => receive(running, request)),
    serverStream: (method, call, request) => respondMany(method, call, (running) => receive(running, request)),
    clientStream: (method, call, requests) =>
      respondOnce(method, call, (running) => admitEach(holdTo(running), requests, admitOne)),
    bidiStream: (method, call, requests) =>
      respondMany(method, call, (running) => admitEach(running, requests, admitOne)),
  };
}

/** Turns calls away before they are opened. */
function admitting(refuse: Admission, openCall: CallOpener): CallOpener {
  return (method, call) => {
    // What a running call asks of a service next door is a part of that call, which was let in.
    const refusal = call.protocol === 'in-process' ? undefined : refuse(method);
    if (refusal === undefined) return openCall(method, call);
    call.onEnd?.(refusal);
    throw refusal;
  };
}

interface WorkDeps extends Pick<PipelineDeps, 'authenticator'> {
  readonly encodeResponse: ResponseEncoder;
}

/** Does what a call with one answer asks for. Each wait is followed by a look at whether the call still lives. */
async function work(
  { authenticator, encodeResponse }: WorkDeps,
  running: RunningCall,
  admit: Admit,
): Promise<Uint8Array> {
  const { method, lifetime } = running;
  running.assertAdmitted();
  if (method.policy.access.kind !== 'public') {
    running.caller = await identify(authenticator, running);
    lifetime.assertOpen();
  }
  running.stages.enter('request');
  const input = await admit(running);
  lifetime.assertOpen();
  running.stages.enter('handler');
  const response = await method.handler(running.context, input, running.call);
  lifetime.assertOpen();
  const bytes = encodeResponse(method, response);
  if (method.audit?.beforeAnswer === true) await running.keepInAudit();
  return bytes;
}

/** A request that is refused fails the call, whatever the handler makes of the error. */
async function* admitEach(
  running: RunningCall,
  requests: AsyncIterable<Uint8Array>,
  admitOne: (running: RunningCall, request: Uint8Array) => Promise<unknown>,
): AsyncGenerator {
  try {
    const counter = countUpTo(running.method, 'requestMessagesMax');
    for await (const request of untilEnd(running, requests)) {
      counter.count();
      yield await running.lifetime.race(admitOne(running, request));
    }
  } catch (err) {
    throw running.fail(err);
  }
}

/** What protobuf-es took as valid, ts-proto may still refuse, for it counts nesting in another way. */
function decodeRequest(method: Method, request: Uint8Array): unknown {
  try {
    return method.requestCodec.decode(request);
  } catch (err) {
    throw malformedMessage(method.descriptor.input.typeName, err);
  }
}

/**
 * Iterates until the source ends or the call does. The source is told to stop either way, but never waited for: a
 * generator that hangs in an await cannot hold the call.
 */
async function* untilEnd<T>({ lifetime }: RunningCall, source: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const stop = () => void iterator.return?.().then(undefined, () => undefined);
  // The call may end while nobody asks for the next value: a reader is stalled, or a handler thinks.
  const release = lifetime.whenEnded(stop);
  try {
    for (;;) {
      const next = await lifetime.race(iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    release();
    stop();
  }
}
