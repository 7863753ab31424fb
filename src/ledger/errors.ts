import type { Precondition } from './commit.js';

/** A failure in the words of the ledger. It says nothing of how a caller of a service is told. */
export abstract class LedgerError extends Error {
  abstract readonly reason: string;
}

/** A precondition did not hold in the state just before the commit would have taken place. Nothing was written. */
export class PreconditionFailedError extends LedgerError {
  readonly reason = 'PRECONDITION_FAILED';
  override readonly name = 'PreconditionFailedError';
  readonly index: number;
  readonly collection: string;
  readonly id: string;
  readonly wanted: Precondition;
  /** The revision of the document that was there, `undefined` if there was none. */
  readonly found: number | undefined;

  constructor(failure: Omit<PreconditionFailedError, keyof LedgerError>) {
    const { index, collection, id, wanted, found } = failure;
    super(
      `Cannot commit: document "${id}" of "${collection}" is ${describe(found)}, expected ${describeWanted(wanted)}`,
    );
    this.index = index;
    this.collection = collection;
    this.id = id;
    this.wanted = wanted;
    this.found = found;
  }
}

/** The caller used the id of an earlier request for a different one. */
export class RequestIdReusedError extends LedgerError {
  readonly reason = 'REQUEST_ID_REUSED';
  override readonly name = 'RequestIdReusedError';

  constructor(requestId: string) {
    super(`Cannot commit: request id ${JSON.stringify(requestId)} was used for a different request`);
  }
}

/** A commit, a value or an id is over one of the limits in limits.ts. */
export class CommitTooLargeError extends LedgerError {
  readonly reason = 'COMMIT_TOO_LARGE';
  override readonly name = 'CommitTooLargeError';
  readonly limit: number;
  readonly found: number;

  constructor(what: string, limit: number, found: number) {
    super(`Cannot commit: ${what} is ${found}, the limit is ${limit}`);
    this.limit = limit;
    this.found = found;
  }
}

/** A commit or a read cannot mean anything: an empty id, a value that is not JSON, one document twice. */
export class InvalidLedgerInputError extends LedgerError {
  readonly reason = 'INVALID_INPUT';
  override readonly name = 'InvalidLedgerInputError';
}

/** The collection was not declared. */
export class UnknownCollectionError extends LedgerError {
  readonly reason = 'UNKNOWN_COLLECTION';
  override readonly name = 'UnknownCollectionError';

  constructor(collection: string) {
    super(`Cannot use collection ${JSON.stringify(collection)}: it is not declared`);
  }
}

/** The history that was asked for is no longer kept. Start again from the state, then follow from its revision. */
export class RevisionOutOfRangeError extends LedgerError {
  readonly reason = 'REVISION_OUT_OF_RANGE';
  override readonly name = 'RevisionOutOfRangeError';
  /** The least revision that can be followed from. */
  readonly oldest: number;

  constructor(asked: number, oldest: number) {
    super(`Cannot follow from revision ${asked}: the oldest that is kept is ${oldest}`);
    this.oldest = oldest;
  }
}

/** The revision was asked for before it was given out, so it comes from elsewhere or is invented. */
export class FutureRevisionError extends LedgerError {
  readonly reason = 'FUTURE_REVISION';
  override readonly name = 'FutureRevisionError';

  constructor(asked: number, newest: number) {
    super(`Cannot use revision ${asked}: the newest is ${newest}`);
  }
}

/** Others changed the same documents again and again. The same call may succeed later. */
export class ContendedError extends LedgerError {
  readonly reason = 'CONTENDED';
  override readonly name = 'ContendedError';

  constructor(action: string, attempts: number) {
    super(`Cannot ${action}: other commits came between ${attempts} times`);
  }
}

/** More commits wait than one process keeps. Nothing was written; the same call may succeed later. */
export class LedgerOverloadedError extends LedgerError {
  readonly reason = 'LEDGER_OVERLOADED';
  override readonly name = 'LedgerOverloadedError';

  constructor() {
    super('Cannot commit: too many commits wait already');
  }
}

/** The ledger was closed first. A commit that had been sent may have happened. */
export class LedgerClosedError extends LedgerError {
  readonly reason = 'LEDGER_CLOSED';
  override readonly name = 'LedgerClosedError';

  constructor() {
    super('Cannot use the ledger: it is closed');
  }
}

/** What the database holds contradicts itself. Run `keelson ledger verify`. */
export class LedgerCorruptError extends LedgerError {
  readonly reason = 'LEDGER_CORRUPT';
  override readonly name = 'LedgerCorruptError';
}

function describe(revision: number | undefined): string {
  return revision === undefined ? 'absent' : `at revision ${revision}`;
}

function describeWanted(wanted: Precondition): string {
  if (typeof wanted === 'string') return `it to be ${wanted === 'exists' ? 'there' : wanted}`;
  return 'value' in wanted ? 'another value' : `revision ${wanted.revision}`;
}
