import { setTimeout as sleep } from 'node:timers/promises';
import { Code, type CodeName } from '../codes.js';
import { statusOf } from '../status.js';
import { CallError } from './call-error.js';
import { onlyOne, yieldOnce } from './interceptors.js';
import type { OutgoingCall, Transport } from './transport.js';

/** What goes wrong with a call. */
export type Fault =
  /** It leaves so late, and has so much less time. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** It never leaves, and fails as if the server had said so. */
  | { readonly kind: 'fail'; readonly code: CodeName; readonly reason?: string; readonly retryDelayMs?: number }
  /** The server does it, and nobody ever hears: the call ends with its deadline. */
  | { readonly kind: 'drop-answer' }
  /** The connection is lost after so many answers: with 0, a change was made and is not confirmed. */
  | { readonly kind: 'cut'; readonly afterMessages: number };

/** Says which calls a fault meets. */
export interface FaultRule {
  readonly fault: Fault;
  /** gRPC paths, such as `/keelson.documents.v1.DocumentService/GetDocument`. Every method where it is left out. */
  readonly methods?: readonly string[];
  /** Which of the calls of these methods, counted from 1 in the order in which they start. All where it is left out. */
  readonly calls?: (nth: number) => boolean;
}

/** How time passes. */
export interface FaultClock {
  /** Settles after the time, or when the signal aborts. */
  wait(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

export interface FaultDeps {
  readonly rules: readonly FaultRule[];
  /** Real time where it is left out. */
  readonly clock?: FaultClock;
}

/**
 * Makes a transport on which calls go wrong by rules: for tests of what a caller does then, over a transport in memory or
 * any other. Nothing is random: the same calls in the same order meet the same faults. Where several rules meet a call,
 * the first comes first. Closing it closes the transport below.
 */
export function createFaultyTransport(transport: Transport, { rules, clock = REAL_TIME }: FaultDeps): Transport {
  const counted = rules.map(countCalls);

  function carry(call: OutgoingCall, send: Send): AsyncIterable<Uint8Array> {
    const faults = counted.filter((rule) => rule.isMetBy(call)).map(({ fault }) => fault);
    return faults.reduceRight<Send>((next, fault) => (out) => suffer(fault, { clock, call: out, next }), send)(call);
  }

  async function carryOne(call: OutgoingCall, send: (out: OutgoingCall) => Promise<Uint8Array>): Promise<Uint8Array> {
    return (await onlyOne(
      carry(call, (out) => yieldOnce(() => send(out))),
      'answer',
    )) as Uint8Array;
  }

  return {
    unary: (call, request) => carryOne(call, (out) => transport.unary(out, request)),
    clientStream: (call, requests) => carryOne(call, (out) => transport.clientStream(out, requests)),
    serverStream: (call, request) => carry(call, (out) => transport.serverStream(out, request)),
    bidiStream: (call, requests) => carry(call, (out) => transport.bidiStream(out, requests)),
    close: () => transport.close(),
  };
}

type Send = (call: OutgoingCall) => AsyncIterable<Uint8Array>;

interface CountedRule {
  readonly fault: Fault;
  /** Tells whether the fault meets a call that starts now. */
  isMetBy(call: OutgoingCall): boolean;
}

function countCalls({ fault, methods, calls = () => true }: FaultRule): CountedRule {
  let nth = 0;
  return {
    fault,
    isMetBy({ path }) {
      if (methods?.includes(path) === false) return false;
      nth += 1;
      return calls(nth);
    },
  };
}

interface SufferedCall {
  readonly clock: FaultClock;
  readonly call: OutgoingCall;
  readonly next: Send;
}

async function* suffer(fault: Fault, { clock, call, next }: SufferedCall): AsyncGenerator<Uint8Array> {
  switch (fault.kind) {
    case 'delay':
      await waitWithin(clock, call, fault.delayMs);
      yield* next({ ...call, timeoutMs: call.timeoutMs - fault.delayMs });
      return;
    case 'fail':
      throw failureOf(fault);
    case 'drop-answer':
      for await (const answer of next(call)) void answer;
      await waitWithin(clock, call, Infinity);
      return;
    case 'cut': {
      let messages = 0;
      for await (const answer of next(call)) {
        if (messages === fault.afterMessages) throw lost();
        messages += 1;
        yield answer;
      }
      // A stream that has just so many answers loses its end.
      if (messages === fault.afterMessages) throw lost();
    }
  }
}

/** Waits as long as the call may: it fails when its caller goes, or when it has no time left. */
async function waitWithin(clock: FaultClock, { timeoutMs, signal }: OutgoingCall, ms: number): Promise<void> {
  if (signal?.aborted !== true) await clock.wait(Math.min(ms, timeoutMs), signal);
  if (signal?.aborted === true) throw localFailure(Code.CANCELLED, 'Call was cancelled while it met a fault');
  if (ms >= timeoutMs) throw localFailure(Code.DEADLINE_EXCEEDED, `Deadline passed after ${timeoutMs} ms at a fault`);
}

function failureOf({ code, reason, retryDelayMs }: Extract<Fault, { kind: 'fail' }>): CallError {
  const message = `Call was made to fail with ${code}`;
  const status = statusOf(Code[code], message, { reason, retryDelayMs }).toBytes();
  return new CallError({ code: Code[code], message, status });
}

function lost(): CallError {
  return localFailure(Code.UNAVAILABLE, 'Connection was made to be lost');
}

function localFailure(code: Code, message: string): CallError {
  return new CallError({ code, message, isLocal: true });
}

/** A timer of Node cannot wait longer; nobody waits as long for a fault. */
const WAIT_MS_MAX = 0x7fff_ffff;

const REAL_TIME: FaultClock = {
  wait: async (ms, signal) => {
    await sleep(Math.min(ms, WAIT_MS_MAX), undefined, { signal }).catch(() => undefined);
  },
};
