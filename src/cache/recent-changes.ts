/**
 * Knows for the newest part of the log when each key changed last. Of what is older it knows nothing, and says so: that
 * is what lets a value that was read at some revision be shown to be current, or not be shown.
 */
export class RecentChanges {
  readonly #keysMax: number;
  /** In the order of the changes, oldest first. */
  readonly #changedAt = new Map<string, number>();
  #floor: number;

  /** Knows every change above `floor`, and remembers at most `keysMax` keys. */
  constructor(options: { floor: number; keysMax: number }) {
    this.#floor = options.floor;
    this.#keysMax = options.keysMax;
  }

  /** Revisions must not go back. */
  record(key: string, revision: number): void {
    this.#changedAt.delete(key);
    this.#changedAt.set(key, revision);
    if (this.#changedAt.size > this.#keysMax) this.#forgetOldest();
  }

  /** Forgets everything: changes up to this revision were missed. */
  reset(revision: number): void {
    this.#changedAt.clear();
    this.#floor = revision;
  }

  /** Tells whether it is certain that the key has not changed since the revision. */
  isUnchangedSince(key: string, revision: number): boolean {
    return revision >= this.#floor && (this.#changedAt.get(key) ?? 0) <= revision;
  }

  #forgetOldest(): void {
    const [oldest] = this.#changedAt;
    if (oldest === undefined) return;
    const [key, revision] = oldest;
    this.#changedAt.delete(key);
    this.#floor = Math.max(this.#floor, revision);
  }
}
