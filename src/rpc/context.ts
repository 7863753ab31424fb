import type { Logger } from 'pino';

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

/** What a handler knows about its call. It is passed, never global. */
export interface CallContext {
  /** Aborts when the caller has gone, the deadline has passed or the server must end the call; give it to every await. */
  readonly signal: AbortSignal;
  readonly caller: Caller;
  /** Names the call in logs and errors; the caller may set it as `x-request-id`. Not the `request_id` of AIP-155. */
  readonly requestId: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Gives what a call made for this one carries on: request id, trace, consistency token. Clients take it from here. */
  propagated(): ReadonlyMap<string, string>;
  /** Gives the time that is left for the call, in milliseconds, never negative. */
  remainingMs(): number;
}
