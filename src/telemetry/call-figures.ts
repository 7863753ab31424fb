import type { Metric, MetricObjectWithValues, MetricValue, MetricValueWithName, Registry } from 'prom-client';

/** From a cached read to a call that waits for a person. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const MS_PER_SECOND = 1000;

const CALLS = 'keelson_calls_total';
const DURATIONS = 'keelson_call_duration_seconds';

/** What is counted of a call that has ended. There are few values of each word. */
export interface CallFigure {
  readonly service: string;
  readonly method: string;
  readonly protocol: string;
  readonly code: string;
  readonly durationMs: number;
}

/** The calls of one method over one protocol. */
interface Series {
  readonly labels: Readonly<Pick<CallFigure, 'service' | 'method' | 'protocol'>>;
  readonly byCode: Map<string, number>;
  /** How many took no longer than each bound, and longer than the one before; the last is for all that took longer. */
  readonly inBucket: number[];
  sumSeconds: number;
  count: number;
}

/**
 * Counts calls, and how long they took, as plain numbers that get the form of prom-client when somebody asks: its own counter and
 * histogram put the labels of each call in order and write them into one text, which took a twentieth of a small call.
 */
export class CallFigures {
  readonly #series = new Map<string, Map<string, Map<string, Series>>>();

  /** Shows the figures in the registry. */
  constructor(registry: Pick<Registry, 'registerMetric'>) {
    const help = { calls: 'Calls that have ended', durations: 'How long calls took from their headers to their end' };
    show(registry, { name: CALLS, help: help.calls, type: 'counter', values: () => this.#readCalls() });
    show(registry, { name: DURATIONS, help: help.durations, type: 'histogram', values: () => this.#readDurations() });
  }

  count({ service, method, protocol, code, durationMs }: CallFigure): void {
    const series = this.#seriesOf(service, method, protocol);
    const seconds = durationMs / MS_PER_SECOND;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS_SECONDS.length && seconds > (DURATION_BUCKETS_SECONDS[bucket] ?? 0)) bucket += 1;
    series.inBucket[bucket] = (series.inBucket[bucket] ?? 0) + 1;
    series.sumSeconds += seconds;
    series.count += 1;
    series.byCode.set(code, (series.byCode.get(code) ?? 0) + 1);
  }

  #seriesOf(service: string, method: string, protocol: string): Series {
    const methods = getOrAdd(this.#series, service, () => new Map<string, Map<string, Series>>());
    const protocols = getOrAdd(methods, method, () => new Map<string, Series>());
    return getOrAdd(protocols, protocol, () => ({
      labels: { service, method, protocol },
      byCode: new Map(),
      inBucket: [...DURATION_BUCKETS_SECONDS, Infinity].map(() => 0),
      sumSeconds: 0,
      count: 0,
    }));
  }

  *#all(): Generator<Series> {
    for (const methods of this.#series.values()) for (const protocols of methods.values()) yield* protocols.values();
  }

  *#readCalls(): Generator<MetricValue<string>> {
    for (const { labels, byCode } of this.#all()) {
      for (const [code, value] of byCode) yield { labels: { ...labels, code }, value };
    }
  }

  *#readDurations(): Generator<MetricValueWithName<string>> {
    for (const { labels, inBucket, sumSeconds, count } of this.#all()) {
      let value = 0;
      for (const [index, le] of DURATION_BUCKETS_SECONDS.entries()) {
        value += inBucket[index] ?? 0;
        yield { metricName: `${DURATIONS}_bucket`, labels: { le, ...labels }, value };
      }
      yield { metricName: `${DURATIONS}_bucket`, labels: { le: '+Inf', ...labels }, value: count };
      yield { metricName: `${DURATIONS}_sum`, labels, value: sumSeconds };
      yield { metricName: `${DURATIONS}_count`, labels, value: count };
    }
  }
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

interface Shown {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'histogram';
  readonly values: () => Iterable<MetricValue<string>>;
}

/** A registry asks nothing of a metric but its name and its values. */
function show(registry: Pick<Registry, 'registerMetric'>, { name, help, type, values }: Shown): void {
  const get = async (): Promise<MetricObjectWithValues<MetricValue<string>>> =>
    // The types name the kinds of metrics by an enum that is not there when it runs.
    ({ name, help, type, aggregator: 'sum', values: [...values()] }) as never;
  registry.registerMetric({ name, help, get } as unknown as Metric);
}
