import { connect, type ClientHttp2Session } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { Code } from '../../src/rpc/codes.js';
import { frameOf, headersOf, type GrpcCall } from './probe.js';

const CONNECTIONS = 8;
const TICK_MS = 2;
const MS_PER_SECOND = 1000;
/** What is answered in so much time after the beginning does not count: a queue that is still empty flatters or harms. */
const LEAD_MS = 500;
/** How long a caller waits: an answer after that helps nobody. */
const PATIENCE_MS = 1000;

/** What came of calls that were sent for a while. */
export interface Outcome {
  /** Calls that were answered in time, a second. */
  readonly goodRps: number;
  readonly refusedRps: number;
  /** Calls that were too late, or failed in another way, a second. */
  readonly lostRps: number;
  /** How long those took that were answered in time. */
  readonly latenciesMs: readonly number[];
}

/** Callers that do not care how a server does: what they send does not wait for what it answers. */
export class OpenLoop {
  readonly #call: GrpcCall;
  readonly #frame: Buffer;
  readonly #sessions: ClientHttp2Session[];
  #turn = 0;

  constructor(call: GrpcCall) {
    this.#call = call;
    this.#frame = frameOf(call.request);
    this.#sessions = Array.from({ length: CONNECTIONS }, () => connect(`http://${call.address}`));
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
  }

  /** Sends as many calls as the server answers: each of so many callers waits for its answer. */
  saturate(callers: number, durationMs: number): Promise<Outcome> {
    return this.#during(durationMs, async (send, isOver) => {
      const caller = async () => {
        while (!isOver()) await send();
      };
      await Promise.all(Array.from({ length: callers }, caller));
    });
  }

  /** Sends so many calls a second. */
  offer(callsPerSecond: number, durationMs: number): Promise<Outcome> {
    return this.#during(durationMs, async (send, isOver, startMs) => {
      const sent: Promise<void>[] = [];
      while (!isOver()) {
        const due = ((performance.now() - startMs) * callsPerSecond) / MS_PER_SECOND;
        while (sent.length < due) sent.push(send());
        await delay(TICK_MS);
      }
      await Promise.all(sent);
    });
  }

  async #during(
    durationMs: number,
    run: (send: () => Promise<void>, isOver: () => boolean, startMs: number) => Promise<void>,
  ): Promise<Outcome> {
    const startMs = performance.now();
    const sinceStartMs = () => performance.now() - startMs;
    const isOver = () => sinceStartMs() >= LEAD_MS + durationMs;
    const latenciesMs: number[] = [];
    let [good, refused, lost] = [0, 0, 0];
    const send = async () => {
      const sentMs = performance.now();
      const status = await this.#send();
      if (sinceStartMs() < LEAD_MS || isOver()) return;
      const tookMs = performance.now() - sentMs;
      if (status === Code.RESOURCE_EXHAUSTED) refused += 1;
      else if (status !== Code.OK || tookMs > PATIENCE_MS) lost += 1;
      else {
        good += 1;
        latenciesMs.push(tookMs);
      }
    };
    await run(send, isOver, startMs);
    const perSecond = (count: number) => (count * MS_PER_SECOND) / durationMs;
    return { goodRps: perSecond(good), refusedRps: perSecond(refused), lostRps: perSecond(lost), latenciesMs };
  }

  #send(): Promise<number> {
    this.#turn = (this.#turn + 1) % this.#sessions.length;
    const session = this.#sessions[this.#turn];
    if (session === undefined) throw new Error('There is no connection');
    const headers = { ...headersOf(this.#call), 'grpc-timeout': `${PATIENCE_MS}m` };
    return new Promise((resolve) => {
      const stream = session.request({ ':method': 'POST', ':path': this.#call.path, ...headers });
      let status = Number.NaN;
      const read = (received: Record<string, unknown>) => {
        if (received['grpc-status'] !== undefined) status = Number(received['grpc-status']);
      };
      stream.on('response', read);
      stream.on('trailers', read);
      stream.on('error', () => undefined);
      stream.once('close', () => resolve(status));
      stream.resume();
      stream.end(this.#frame);
    });
  }
}
