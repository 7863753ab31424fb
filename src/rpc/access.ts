import type { Caller } from './context.js';

/** Finds out who is calling. */
export interface Authenticator {
  /** Gives the caller that a bearer token stands for, or undefined when it stands for none. */
  authenticate(token: string): Promise<Caller | undefined>;
  /** Gives the caller that the URI name of a verified client certificate stands for. A call with a token is the token's. */
  authenticatePeer?(name: string): Promise<Caller | undefined>;
}

/** Decides what a caller may do. */
export interface Authorizer {
  /** Tells whether the caller holds the permission (`documents.documents.get`) on the resource of that name. */
  isAllowed(caller: Caller, permission: string, resource: string): Promise<boolean>;
}
