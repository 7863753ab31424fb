import { afterwards, type Awaitable } from '../async/awaitable.js';
import type { Request } from './call.js';
import { assertSize } from './call-limits.js';
import type { Caller } from './context.js';
import type { CallJudge } from './judge-call.js';
import type { Method, MethodTable } from './method-table.js';
import type { RunningCall } from './running-call.js';
import { createDecodeValid, malformedMessage } from './validation.js';

/** Makes the input of a handler from what arrived: one message, or an iterable of them. */
export type Admit = (running: RunningCall) => Awaitable<unknown>;

/**
 * What a call goes through before its handler runs: identity, validation and permission, on the bytes that arrived. What is known
 * already is not waited for, so that most calls are at their handler at once.
 */
export interface Entrance {
  /** Recognises the caller, and gives what `admit` makes. */
  readonly enter: (running: RunningCall, admit: Admit) => Awaitable<unknown>;
  /** Admits the only request of a call, which may have to arrive first. */
  readonly receive: (running: RunningCall, request: Request) => Awaitable<unknown>;
  /** Gives the message that ts-proto decodes from bytes that are valid, and from a caller who may. */
  readonly admitOne: (running: RunningCall, request: Uint8Array) => Awaitable<unknown>;
}

export interface EntranceDeps {
  readonly judge: Pick<CallJudge, 'identify' | 'authorize'>;
  readonly table: Pick<MethodTable, 'registry'>;
}

export function createEntrance({ judge, table }: EntranceDeps): Entrance {
  const decodeValid = createDecodeValid(table.registry);

  function admitOne(running: RunningCall, request: Uint8Array): Awaitable<unknown> {
    const { method } = running;
    assertSize(method, 'requestBytesMax', request.byteLength);
    const message = decodeValid(method.descriptor.input, request, running.onRequest);
    const judged = method.policy.access.kind === 'permission' ? judge.authorize(running, message) : undefined;
    return judged === undefined ? decodeRequest(method, request) : judged.then(() => decodeRequest(method, request));
  }

  return {
    enter(running, admit) {
      running.assertAdmitted();
      const caller = judge.identify(running);
      const admitAs = (recognised: Caller) => {
        running.lifetime.assertOpen();
        running.caller = recognised;
        running.stages.enter('request');
        return admit(running);
      };
      return afterwards(caller, admitAs);
    },
    receive(running, request) {
      if (typeof request !== 'function') return admitOne(running, request);
      return afterwards(request(), (bytes) => {
        running.lifetime.assertOpen();
        return admitOne(running, bytes);
      });
    },
    admitOne,
  };
}

/** What protobuf-es took as valid, ts-proto may still refuse, for it counts nesting in another way. */
function decodeRequest(method: Method, request: Uint8Array): unknown {
  try {
    return method.requestCodec.decode(request);
  } catch (err) {
    throw malformedMessage(method.descriptor.input.typeName, err);
  }
}
