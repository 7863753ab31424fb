import { viewOf, type ConsoleSample, type ConsoleView } from './view.js';

const SAMPLE_MS = 1000;
/** Rates are those of so many seconds: fewer jump about, more are late. */
const WINDOW_SAMPLES = 10;
/** What a page that is opened can draw at once, if somebody has been looking already. */
const HISTORY_POINTS = 300;

/** One point of the charts. */
export type Point = Pick<ConsoleView, 'time' | 'callsPerSecond' | 'failedPerSecond' | 'p50Ms' | 'p99Ms'>;

export interface ConsoleMessage {
  readonly view: ConsoleView;
  /** Those that whoever watches has not had yet. */
  readonly points: readonly Point[];
}

/** How a process does, for as many as look. */
export interface ConsoleFeed {
  /** Who is slow to read gets fewer messages, and all points. Ends with the signal. */
  watch(signal: AbortSignal): AsyncGenerator<ConsoleMessage, void>;
  readonly viewers: number;
}

/** Takes samples while anybody looks, and none otherwise. */
export function createConsoleFeed(takeSample: () => Promise<ConsoleSample>, sampleMs = SAMPLE_MS): ConsoleFeed {
  const waiting = new Set<() => void>();
  let samples: ConsoleSample[] = [];
  let points: Point[] = [];
  let view: ConsoleView | undefined;
  let viewers = 0;
  let timer: NodeJS.Timeout | undefined;

  const sample = async () => {
    // One that fails is left out: the page says how old what it shows is.
    const taken = await takeSample().catch(() => undefined);
    if (taken === undefined) return;
    samples = [...samples, taken].slice(-WINDOW_SAMPLES);
    view = viewOf(samples[0] ?? taken, taken);
    // Charts show each second for itself, and quantiles of more calls than a second may have.
    const { callsPerSecond, failedPerSecond } = viewOf(samples.at(-2) ?? taken, taken);
    const { time, p50Ms, p99Ms } = view;
    points = [...points, { time, callsPerSecond, failedPerSecond, p50Ms, p99Ms }].slice(-HISTORY_POINTS);
    for (const wake of [...waiting]) wake();
  };
  const run = async () => {
    await sample();
    if (viewers > 0) timer = setTimeout(() => void run(), sampleMs);
  };
  const begin = () => {
    viewers += 1;
    if (viewers > 1) return;
    clearTimeout(timer);
    samples = [];
    points = [];
    view = undefined;
    void run();
  };
  const end = () => {
    viewers -= 1;
    if (viewers === 0) clearTimeout(timer);
  };
  const nextSample = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });

  return {
    get viewers() {
      return viewers;
    },
    async *watch(signal) {
      begin();
      try {
        let sentTime = 0;
        while (!signal.aborted) {
          const next = nextSample(signal);
          if (view !== undefined && view.time > sentTime) {
            const fresh = points.filter(({ time }) => time > sentTime);
            sentTime = view.time;
            yield { view, points: fresh };
          }
          await next;
        }
      } finally {
        end();
      }
    },
  };
}
