import type { Caller, Clock } from '../../rpc/context.js';

/** Callers that are kept. */
const KNOWN_MAX = 10_000;

/** A caller that was recognised. */
export interface KnownCaller {
  readonly caller: Caller;
  /** Until when it is recognised by the same, if nothing changes; milliseconds since 1970. */
  readonly untilMs: number;
  /** The API key that it came with. */
  readonly keyName?: string;
}

export interface KnownCallersOptions {
  /** Calls back when what recognising rests on may have changed, until the function that it gives is called. */
  readonly watch: (onChange: () => void) => () => void;
  readonly clock: Clock;
}

/**
 * Remembers whom a token, or the name in a certificate, stands for while that cannot have changed: nothing that recognising rests
 * on has been written, as far as this process has read the log, and no time has passed at which it ends. So it is never behind
 * what the process knows.
 */
export class KnownCallers {
  readonly #known = new Map<string, KnownCaller>();
  readonly #clock: Clock;
  readonly #stopWatching: () => void;
  #generation = 0;

  constructor({ watch, clock }: KnownCallersOptions) {
    this.#clock = clock;
    this.#stopWatching = watch(() => {
      this.#generation += 1;
      this.#known.clear();
    });
  }

  find(credential: string): KnownCaller | undefined {
    const known = this.#known.get(credential);
    if (known === undefined || known.untilMs === Infinity) return known;
    return this.#clock.now() < known.untilMs ? known : undefined;
  }

  /** Recognises, and remembers whom, unless something has changed meanwhile. */
  async remember(
    credential: string,
    recognise: () => Promise<KnownCaller | undefined>,
  ): Promise<KnownCaller | undefined> {
    const generation = this.#generation;
    const known = await recognise();
    if (known === undefined || generation !== this.#generation) return known;
    // The one that was kept longest goes; that it may be in use costs no more than recognising it again.
    this.#known.delete(credential);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(credential, known);
    return known;
  }

  close(): void {
    this.#stopWatching();
    this.#known.clear();
  }
}
