/** What is wrong with one place of a content. */
export interface ContentViolation {
  /** The path: `fields.address.city`. */
  readonly path: string;
  readonly problem: string;
}

/** A part of what a caller sent cannot be taken, such as content that breaks a schema. Nothing was changed. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
  readonly violations: readonly ContentViolation[];

  constructor(violations: readonly ContentViolation[]) {
    super(violations.map(({ path, problem }) => `${path} ${problem}`).join('; '));
    this.violations = violations;
  }

  /** The same, of a part that lies below another. */
  below(prefix: string): ContentError {
    return new ContentError(
      this.violations.map(({ path, problem }) => ({ path: path === '' ? prefix : `${prefix}.${path}`, problem })),
    );
  }
}

/** Another document has the same key in a unique index. Nothing was changed. */
export class UniqueConflictError extends Error {
  override readonly name = 'UniqueConflictError';
  readonly index: string;

  constructor(document: string, index: string) {
    super(`Cannot write document "${document}": another document has the same key in unique index "${index}"`);
    this.index = index;
  }
}

/** A collection is to go that has documents. */
export class CollectionNotEmptyError extends Error {
  override readonly name = 'CollectionNotEmptyError';
  readonly collection: string;

  constructor(collection: string) {
    super(`Cannot delete collection "${collection}": it has documents; set force to delete them as well`);
    this.collection = collection;
  }
}

/** One write of several was refused. Nothing was changed. The cause says why. */
export class WriteRefusedError extends Error {
  override readonly name = 'WriteRefusedError';
  /** The place of the write among them. */
  readonly position: number;

  constructor(position: number, cause: unknown) {
    super(`Cannot commit: write ${position} is refused`, { cause });
    this.position = position;
  }
}

/** Documents cannot be given as they are at one revision. `overtaken` may go better when less is written. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
  readonly failure: 'overtaken' | 'too-large';

  constructor(failure: SnapshotError['failure'], message: string) {
    super(message);
    this.failure = failure;
  }
}
