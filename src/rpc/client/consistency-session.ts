import { newerToken } from '../consistency-token.js';

/**
 * Remembers what its clients have seen, so that their calls that ask for `at-least` see no less: what they wrote, and
 * what they were shown. It may be shared by clients of services on one database.
 */
export interface ConsistencySession {
  /** The newest token so far: to be handed to another process, which goes on from there. */
  readonly token: string | undefined;
  /** Takes in a token that came from an answer, whatever way it took. */
  saw(token: string): void;
}

export function createConsistencySession(): ConsistencySession {
  let token: string | undefined;
  return {
    get token() {
      return token;
    },
    saw(seen) {
      token = newerToken(token, seen);
    },
  };
}
