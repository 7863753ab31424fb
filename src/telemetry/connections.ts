import type { EventEmitter } from 'node:events';

/** The connections that stand, by the listeners that they came to. */
export class ConnectionCounts {
  readonly #counts = new Map<string, number>();

  /** Counts what a server of `node:net`, or one that is made of it, accepts. */
  watch(listener: string, server: EventEmitter): void {
    this.#add(listener, 0);
    server.on('connection', (socket: EventEmitter) => {
      this.#add(listener, 1);
      socket.once('close', () => this.#add(listener, -1));
    });
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  #add(listener: string, change: number): void {
    this.#counts.set(listener, (this.#counts.get(listener) ?? 0) + change);
  }
}
