/** How many streams that have closed are remembered. */
const REMEMBERED_MAX = 256;

/** How a stream closed: by an end or a reset of its peer, or cut by this side, which its peer may not have known. */
export type Closing = 'ended' | 'cut';

/** Remembers the last streams that have closed: what still comes for them is judged by how they did. */
export class ClosedStreams {
  readonly #ids = new Int32Array(REMEMBERED_MAX);
  readonly #cut = new Uint8Array(REMEMBERED_MAX);
  #next = 0;

  add(streamId: number, closing: Closing): void {
    this.#ids[this.#next] = streamId;
    this.#cut[this.#next] = closing === 'cut' ? 1 : 0;
    this.#next = (this.#next + 1) % REMEMBERED_MAX;
  }

  /** Undefined for a stream that closed long ago, or was never open. */
  find(streamId: number): Closing | undefined {
    const index = this.#ids.indexOf(streamId);
    if (index < 0) return undefined;
    return this.#cut[index] === 1 ? 'cut' : 'ended';
  }
}
