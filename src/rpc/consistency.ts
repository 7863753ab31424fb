import { Idempotency } from '../../gen/keelson/options/v1/options.js';
import { decodeToken, encodeToken, newerToken, type TokenContent } from './consistency-token.js';
import type { CallConsistency, Freshness } from './context.js';
import { ServiceError } from './errors.js';
import type { CallMetadata } from './metadata.js';
import type { Method } from './method-table.js';
import { CONSISTENCIES, type Consistency, type Policy } from './policy.js';

/** Says what a call has to see: `linearizable`, `at-least` or `any`. */
export const CONSISTENCY_KEY = 'x-consistency';

/** Carries a token: what a caller has seen already, and, with an answer, what it has seen now. */
export const CONSISTENCY_TOKEN_KEY = 'x-consistency-token';

/** Writes tokens of one database. The same revision stands in many answers, one after another. */
export interface TokenWriter {
  readonly databaseId: string;
  write(revision: number): string;
}

export function createTokenWriter(databaseId: string): TokenWriter {
  let last = { revision: 0, token: encodeToken({ databaseId, revision: 0 }) };
  return {
    databaseId,
    write(revision) {
      if (last.revision !== revision) last = { revision, token: encodeToken({ databaseId, revision }) };
      return last.token;
    },
  };
}

/** What has to be known of the method of a call. */
interface ReadMethod {
  readonly policy: Policy;
  readonly descriptor: Pick<Method['descriptor'], 'methodKind'>;
}

/** What one call has to see, and what it has seen. */
export class ConsistencyOfCall implements CallConsistency {
  readonly #policy: Policy;
  readonly #metadata: CallMetadata;
  readonly #tokens: TokenWriter | undefined;
  /** Whether it does nothing but read, for one answer: streams go on, and a change is judged on what is. */
  readonly #readsAtOneTime: boolean;
  #freshness: Freshness = 'latest';
  #carried = 0;
  /** The highest revision that the call saw. 0 stands before all. */
  #seen = 0;

  /** Without tokens there is no database behind the process, or none that answers come from. */
  constructor({ policy, descriptor }: ReadMethod, metadata: CallMetadata, tokens: TokenWriter | undefined) {
    this.#policy = policy;
    this.#metadata = metadata;
    this.#tokens = tokens;
    this.#readsAtOneTime =
      descriptor.methodKind === 'unary' && policy.idempotency === Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS;
  }

  get freshness(): Freshness {
    return this.#freshness;
  }

  /** The revision that the caller has seen, by the token that it carries. 0 where it carries none of this database. */
  get carried(): number {
    return this.#carried;
  }

  /** Reads what the caller asks for. Throws CONSISTENCY_INVALID. */
  admit(): void {
    const word = this.#metadata.get(CONSISTENCY_KEY);
    const token = this.#metadata.get(CONSISTENCY_TOKEN_KEY);
    if (word === undefined && token === undefined && this.#policy.cache === undefined) return;
    const seen = readToken(token);
    const databaseId = this.#tokens?.databaseId;
    if (seen !== undefined && seen.databaseId === databaseId) this.#carried = seen.revision;
    this.#freshness = freshnessOf({ word, seen, policy: this.#policy, databaseId });
  }

  caughtUp(revision: number): void {
    if (this.#readsAtOneTime && this.#freshness === 'latest') this.#freshness = revision;
  }

  saw(revision: number): void {
    if (revision > this.#seen) this.#seen = revision;
  }

  sawToken(token: string): void {
    const content = decodeToken(token);
    if (content !== undefined && content.databaseId === this.#tokens?.databaseId) this.saw(content.revision);
  }

  /** What the answer carries. Undefined for a call that looked at nothing. */
  answerToken(): string | undefined {
    return this.#seen === 0 ? undefined : this.#tokens?.write(this.#seen);
  }

  /**
   * What calls made for this one carry on: the token, so that they see what the caller has seen, and what this call has.
   * Of the words only `linearizable`: how old the parts of an answer may be is up to whoever puts it together.
   */
  *carriedOn(): Generator<readonly [key: string, value: string]> {
    const carried = newerToken(this.#metadata.get(CONSISTENCY_TOKEN_KEY), this.answerToken());
    if (carried !== undefined) yield [CONSISTENCY_TOKEN_KEY, carried];
    if (this.#metadata.get(CONSISTENCY_KEY) === 'linearizable') yield [CONSISTENCY_KEY, 'linearizable'];
  }
}

interface Asked {
  readonly word: string | undefined;
  readonly seen: TokenContent | undefined;
  readonly policy: Policy;
  readonly databaseId: string | undefined;
}

function freshnessOf({ word, seen, policy, databaseId }: Asked): Freshness {
  const level = readWord(word) ?? policy.cache?.consistency ?? 'linearizable';
  // A change is judged on what is, whatever its caller would put up with.
  if (policy.idempotency !== Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS) return 'latest';
  // Who has no database passes on what it is asked.
  if (databaseId === undefined) return 'latest';
  if (level !== 'at-least') return level === 'any' ? 'any' : 'latest';
  if (seen?.databaseId === databaseId) return seen.revision;
  // Who asks to see a change of another database cannot be told the truth; who was only sent along with its token can.
  if (seen === undefined || word === undefined) return 'latest';
  throw invalid(`Metadata "${CONSISTENCY_TOKEN_KEY}" is of another database: drop it, or ask for linearizable`);
}

function readWord(word: string | undefined): Consistency | undefined {
  if (word === undefined || isConsistency(word)) return word;
  const expected = CONSISTENCIES.join(', ');
  throw invalid(`Metadata "${CONSISTENCY_KEY}" is "${word.slice(0, 64)}", expected one of ${expected}`);
}

function readToken(token: string | undefined): TokenContent | undefined {
  if (token === undefined) return undefined;
  const content = decodeToken(token);
  if (content !== undefined) return content;
  throw invalid(`Metadata "${CONSISTENCY_TOKEN_KEY}" is no token: send one as an answer carried it, or none`);
}

function isConsistency(word: string): word is Consistency {
  return (CONSISTENCIES as readonly string[]).includes(word);
}

function invalid(message: string): ServiceError {
  return new ServiceError('CONSISTENCY_INVALID', message);
}
