import type { Logger } from 'pino';
import type { ServiceClient } from './client/create-client.js';
import type { ServiceDefinition } from './service.js';
import type { CallSpan, TracedCall } from '../telemetry/tracing.js';

/** Tells the time, in milliseconds since the Unix epoch. Comes from outside so that tests can set it. */
export interface Clock {
  now(): number;
}

/** Who is calling. */
export interface Caller {
  /** The resource name of the principal: `serviceAccounts/admin`. Empty for a caller without a token. */
  readonly name: string;
  /** What the token was made for: `documents.documents.get`; `*` is everything. */
  readonly permissions: readonly string[];
}

/** The caller of a public method that brought no token. */
export const ANONYMOUS: Caller = { name: '', permissions: [] };

/**
 * How new what is read has to be: `latest` sees every commit that was acknowledged, in any process, before the read
 * began; a revision sees at least that; `any` takes what this process has.
 */
export type Freshness = 'latest' | 'any' | number;

/** What a call has to see, and whom those who read and write for it tell what it saw. */
export interface CallConsistency {
  readonly freshness: Freshness;
  /** Notes that what was read or written for the call shows this revision; the answer carries it as a token. */
  saw(revision: number): void;
  /**
   * Notes that the process has caught up with the log since the call began, to this revision. That is all that `latest` asks
   * for: where one call reads several things, one look at the log is enough.
   */
  caughtUp(revision: number): void;
  /** The same as `saw` for a token, which the answer to a call made for this one carried. One of another database is passed over. */
  sawToken(token: string): void;
}

/** What a handler knows about its call. It is passed, never global. */
export interface CallContext {
  /** Aborts when the caller has gone, the deadline has passed or the server must end the call; give it to every await. */
  readonly signal: AbortSignal;
  readonly caller: Caller;
  /** The address that the call came from, with its port. */
  readonly peer: string;
  /** Repositories go by it on their own: give them the context. */
  readonly consistency: CallConsistency;
  /** Names the call in logs and errors; the caller may set it as `x-request-id`. Not the `request_id` of AIP-155. */
  readonly requestId: string;
  readonly log: Logger;
  readonly clock: Clock;
  /**
   * Gives a client of another service, for calls that are made for this one and in the name of its caller. Where that
   * service runs, in this process or another, is a matter of settings.
   */
  client<D extends ServiceDefinition>(definition: D): Omit<ServiceClient<D>, 'close'>;
  /** Gives what a call made for this one carries on: request id, trace, consistency token. Clients take it from here. */
  propagated(): ReadonlyMap<string, string>;
  /** Begins the span of a call that is made for this one. Undefined where nothing is traced. */
  readonly beginOutgoing?: ((call: TracedCall) => CallSpan | undefined) | undefined;
  /** Gives the time that is left for the call, in milliseconds, never negative. */
  remainingMs(): number;
}
