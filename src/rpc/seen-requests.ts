import type { JsonValue, Message } from '@bufbuild/protobuf';
import type { Method } from './method-table.js';
import { createScrub, type Scrub } from './scrub.js';

/** Of a stream only so many requests are remembered, the last ones. */
const REQUESTS_MAX = 8;

/** The requests of one call, remembered for what is written about it once it has ended. */
export class SeenRequests {
  readonly #method: Method;
  readonly #messages: Message[] = [];

  constructor(method: Method) {
    this.#method = method;
  }

  readonly add = (message: Message): void => {
    this.#messages.push(message);
    if (this.#messages.length > REQUESTS_MAX) this.#messages.shift();
  };

  /** Makes what takes the sensitive values of these requests out of texts. */
  scrub(): Scrub {
    return createScrub(this.#messages.flatMap((message) => this.#method.sensitive?.values(message) ?? []));
  }

  /** Gives what the audit keeps of them. Undefined where that is nothing. */
  forAudit(): readonly JsonValue[] | undefined {
    const read = this.#method.audit?.readRequest;
    return read && this.#messages.map((message) => attempt(() => read(message)));
  }
}

/** A request that is against its contract may have no JSON form, such as a time in the year 10000. */
function attempt(write: () => JsonValue): JsonValue {
  try {
    return write();
  } catch {
    return '[not valid]';
  }
}

/** Most methods have nothing to hide and nothing to keep: their requests are not remembered. */
export function rememberRequests(method: Method): SeenRequests | undefined {
  const { sensitive, audit } = method;
  return sensitive === undefined && audit?.readRequest === undefined ? undefined : new SeenRequests(method);
}
