/** A read under way that others may join. */
interface Loading<T> {
  readonly result: Promise<T>;
  /** The key has changed since the read began, so that whoever comes now needs a newer one. */
  overtaken: boolean;
}

/** Reads under way, so that many who want one key share one. Nobody joins a read whose key has changed since it began. */
export class Loadings<T> {
  readonly #running = new Map<string, Loading<T>>();

  /** Gives the read that a newcomer may join, if there is one. */
  find(key: string): Promise<T> | undefined {
    const running = this.#running.get(key);
    return running === undefined || running.overtaken ? undefined : running.result;
  }

  /** Lets others join a read that has just begun, in the place of an overtaken one. */
  add(key: string, result: Promise<T>): void {
    const started: Loading<T> = { result, overtaken: false };
    this.#running.set(key, started);
    const forget = () => {
      if (this.#running.get(key) === started) this.#running.delete(key);
    };
    result.then(forget, forget);
  }

  /** Notes that a key has changed. */
  overtake(key: string): void {
    const running = this.#running.get(key);
    if (running !== undefined) running.overtaken = true;
  }

  /** Notes that any key may have changed. */
  overtakeAll(): void {
    for (const running of this.#running.values()) running.overtaken = true;
  }
}
