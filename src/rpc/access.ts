import type { JsonValue } from '@bufbuild/protobuf';
import type { Awaitable } from '../async/awaitable.js';
import type { CallContext, Caller } from './context.js';

/** Finds out who is calling. */
export interface Authenticator {
  /**
   * Gives the caller that a bearer token stands for, or undefined when it stands for none. Sees every change up to the
   * revision that the caller has seen.
   */
  authenticate(token: string, seen: number): Awaitable<Caller | undefined>;
  /** The same for the URI name of a verified client certificate. A call with a token is the token's. */
  authenticatePeer?(name: string, seen: number): Awaitable<Caller | undefined>;
}

/** Decides what a caller may do. */
export interface Authorizer {
  /** Tells whether the caller of a call holds the permission (`documents.documents.get`) on the resource of that name. */
  isAllowed(
    ctx: Pick<CallContext, 'caller' | 'signal' | 'consistency'>,
    permission: string,
    resource: string,
  ): Awaitable<boolean>;
}

/** What the audit keeps of one call. Holds no value of a field that the contract calls sensitive. */
export interface AuditRecord {
  /** The resource name of the principal. Empty for a caller without a token. */
  readonly caller: string;
  /** The full name of the method: `keelson.documents.v1.DocumentService/CreateDocument`. */
  readonly method: string;
  /** What the caller had to be allowed. Undefined where the contract asks for no permission. */
  readonly permission: string | undefined;
  /** The name of the resource that the permission was judged on. Empty where there is none, or it did not get so far. */
  readonly resource: string;
  /** When the call began, in milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** The address that the call came from. */
  readonly peer: string;
  readonly protocol: 'grpc' | 'http' | 'in-process';
  readonly requestId: string;
  readonly traceId: string;
  /** How the call ended: `OK`, or a gRPC code with the reason from the table of errors. */
  readonly code: string;
  readonly reason: string | undefined;
  /** As the contract asks: chosen fields by their paths, or the whole request; one entry a message. */
  readonly requests: readonly JsonValue[] | undefined;
}

/** Keeps what callers did. */
export interface AuditSink {
  /**
   * Settles when the record is kept. A call that may have changed something is answered only then; where this rejects,
   * the caller is told to repeat the call. Calls that failed, and calls without side effects, do not wait for it.
   */
  record(entry: AuditRecord): Promise<void>;
}

/** RFC 6750, section 2.1, for tokens of any form. */
const BEARER = /^Bearer +(\S+)$/i;

/** Gives the token that an `authorization` header holds. Undefined where it holds none. */
export function readBearerToken(header: string): string | undefined {
  return BEARER.exec(header)?.[1];
}
