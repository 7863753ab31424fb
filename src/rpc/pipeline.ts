import type { Awaitable } from '../async/awaitable.js';
import type { AuditSink, Authenticator, Authorizer } from './access.js';
import { createLogAudit } from './audit.js';
import type { IncomingCall, LazyDispatcher } from './call.js';
import { countUpTo } from './call-limits.js';
import type { Method } from './method-table.js';
import { createAdmission, type Admission } from './admission.js';
import { createEntrance, type Admit } from './entrance.js';
import { createCallJudge } from './judge-call.js';
import { createResponseEncoder } from './response-encoder.js';
import { UntilEnd } from './until-end.js';
import { createCallOpener, type CallEnvironment, type CallOpener, type RunningCall } from './running-call.js';

export interface PipelineDeps extends Omit<CallEnvironment, 'audit'> {
  /** Keeps what callers did: lines in the log where it is left out. */
  readonly audit?: AuditSink | undefined;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

/**
 * Builds the one call path: lifetime, identity, validation, permission, handler, log. The stages before the handler run
 * on the bytes that arrived; the handler gets the message that ts-proto decodes from the same bytes.
 */
export function createDispatcher(deps: PipelineDeps): LazyDispatcher {
  const refuse = createAdmission(deps);
  const begin = admitting(refuse, createCallOpener({ ...deps, audit: deps.audit ?? createLogAudit(deps.log) }));
  const judge = createCallJudge(deps);
  const { enter, receive, admitOne } = createEntrance({ judge, table: deps.table });
  const encodeResponse = createResponseEncoder(deps.limits);

  async function respondOnce(method: Method, call: IncomingCall, admit: Admit): Promise<Uint8Array> {
    const running = begin(method, call);
    const { lifetime } = running;
    try {
      const admitted = enter(running, admit);
      const input = admitted instanceof Promise ? await lifetime.race<unknown>(admitted) : admitted;
      // What the call waits for first is its handler, nearly always.
      const response = await lifetime.race(Promise.resolve(runHandler(running, input)));
      const bytes = encodeResponse(method, response);
      if (method.audit?.beforeAnswer === true) await lifetime.race(running.keepInAudit());
      running.succeed();
      return bytes;
    } catch (err) {
      throw running.fail(err);
    }
  }

  async function* respondMany(method: Method, call: IncomingCall, admit: Admit): AsyncGenerator<Uint8Array> {
    const running = begin(method, call);
    try {
      const admitted = enter(running, admit);
      const input = admitted instanceof Promise ? await running.lifetime.race<unknown>(admitted) : admitted;
      judge.holdTo(running);
      const responses = runHandler(running, input) as AsyncIterable<unknown>;
      const counter = countUpTo(method, 'responseMessagesMax');
      for await (const response of new UntilEnd(running.lifetime, responses)) {
        running.beginAnswer();
        counter.count();
        yield encodeResponse(method, response);
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

  return {
    refuse,
    unary: (method, call, request) => respondOnce(method, call, (running) => receive(running, request)),
    serverStream: (method, call, request) => respondMany(method, call, (running) => receive(running, request)),
    clientStream: (method, call, requests) =>
      respondOnce(method, call, (running) => admitEach(judge.holdTo(running), requests, admitOne)),
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

/** Gives what the handler gives: a promise of an answer, or an iterable of them. */
function runHandler(running: RunningCall, input: unknown): unknown {
  running.lifetime.assertOpen();
  running.stages.enter('handler');
  return running.method.handler(running.context, input, running.call);
}

/** A request that is refused fails the call, whatever the handler makes of the error. */
async function* admitEach(
  running: RunningCall,
  requests: AsyncIterable<Uint8Array>,
  admitOne: (running: RunningCall, request: Uint8Array) => Awaitable<unknown>,
): AsyncGenerator {
  try {
    const counter = countUpTo(running.method, 'requestMessagesMax');
    for await (const request of new UntilEnd(running.lifetime, requests)) {
      counter.count();
      const admitted = admitOne(running, request);
      yield admitted instanceof Promise ? await running.lifetime.race<unknown>(admitted) : admitted;
    }
  } catch (err) {
    throw running.fail(err);
  }
}
