import { median, quantile, spreadOf } from './statistics.js';

/** What one round of one system gave. */
export interface Sample {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a case says about one system; an array of these is what `--json` writes. */
export interface Result {
  readonly case: string;
  readonly system: string;
  /** Medians of the rounds; null where a case has no such number. */
  readonly rps: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** The largest less the smallest of the rounds, as a share of their median. */
  readonly spread: number | null;
  /** This system by each other, the median of what each round gave. */
  readonly ratios: Readonly<Record<string, number>>;
  /** Between which two ratios the middle half of the rounds lies. */
  readonly ratioRanges: Readonly<Record<string, readonly [number, number]>>;
  /** What else was measured, by a name with its unit. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Sums up the rounds of several systems. Rounds of the same number ran side by side, and are compared with each other. */
export function summarize(
  caseName: string,
  rounds: ReadonlyMap<string, readonly Sample[]>,
  valueOf: (sample: Sample) => number = ({ rps }) => rps,
): Result[] {
  return [...rounds].map(([system, samples]) => {
    const others = [...rounds].filter(([other]) => other !== system);
    const byOther = others.map(([other, theirs]) => {
      const ratios = samples.map((sample, round) => valueOf(sample) / valueOf(theirs[round] ?? sample));
      return [other, ratios] as const;
    });
    return {
      case: caseName,
      system,
      rps: median(samples.map(({ rps }) => rps)),
      p50Ms: median(samples.map(({ p50Ms }) => p50Ms)),
      p99Ms: median(samples.map(({ p99Ms }) => p99Ms)),
      spread: spreadOf(samples.map(valueOf)),
      ratios: Object.fromEntries(byOther.map(([other, ratios]) => [other, median(ratios)])),
      ratioRanges: Object.fromEntries(
        byOther.map(([other, ratios]) => [other, [quantile(ratios, 0.25), quantile(ratios, 0.75)]]),
      ),
    };
  });
}

/** A result of a system that is compared with no other. */
export function resultOf(
  caseName: string,
  system: string,
  { p50Ms = null, p99Ms = null, figures }: Partial<Pick<Result, 'p50Ms' | 'p99Ms' | 'figures'>>,
): Result {
  const compared = { rps: null, p50Ms, p99Ms, spread: null, ratios: {}, ratioRanges: {} };
  return { case: caseName, system, ...compared, ...(figures && { figures }) };
}
