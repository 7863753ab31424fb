import type { MetricsSnapshot } from '../telemetry/metrics.js';

/** What the console takes from the metrics of a process, or of several that were added up. */
export interface Figures {
  /** By the names of services. */
  readonly serving: Readonly<Record<string, boolean>>;
  readonly methods: readonly MethodFigures[];
  readonly running: number;
  /** By listener. */
  readonly connections: Readonly<Record<string, number>>;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly revision: number;
  readonly lagRevisions: number;
  readonly lagMs: number;
  readonly latenessMs: number;
  readonly memoryBytes: number;
}

/** What a method has done since the process started. */
export interface MethodFigures {
  readonly service: string;
  readonly method: string;
  readonly calls: number;
  /** Calls with any code but OK. */
  readonly failed: number;
  /** How many calls took at most so many seconds, by bounds that grow; the last is Infinity. */
  readonly buckets: readonly Bucket[];
}

export interface Bucket {
  readonly le: number;
  readonly count: number;
}

type Value = MetricsSnapshot[number]['values'][number] & { readonly metricName?: string };

const MS_PER_SECOND = 1000;

export function readFigures(snapshot: MetricsSnapshot): Figures {
  const metrics = new Map(snapshot.map((metric) => [metric.name, metric.values as readonly Value[]]));
  const valuesOf = (name: string) => metrics.get(name) ?? [];
  const sum = (name: string) => valuesOf(name).reduce((total, { value }) => total + value, 0);
  const byLabel = (name: string, label: string) =>
    Object.fromEntries(valuesOf(name).map(({ labels, value }) => [String(labels[label]), value]));
  return {
    serving: Object.fromEntries(
      Object.entries(byLabel('keelson_service_serving', 'service')).map(([service, value]) => [service, value === 1]),
    ),
    methods: readMethods(valuesOf('keelson_calls_total'), valuesOf('keelson_call_duration_seconds')),
    running: sum('keelson_calls_running'),
    connections: byLabel('keelson_connections', 'listener'),
    cacheHits: sum('keelson_cache_hits_total'),
    cacheMisses: sum('keelson_cache_misses_total'),
    revision: sum('keelson_ledger_revision'),
    lagRevisions: sum('keelson_ledger_lag_revisions'),
    lagMs: sum('keelson_ledger_lag_milliseconds'),
    latenessMs: sum('keelson_event_loop_lag_seconds') * MS_PER_SECOND,
    memoryBytes: sum('process_resident_memory_bytes'),
  };
}

/** Calls come in over several protocols, and end with several codes: a method is all of them. */
function readMethods(calls: readonly Value[], durations: readonly Value[]): MethodFigures[] {
  const methods = new Map<string, { service: string; method: string; calls: number; failed: number }>();
  const buckets = new Map<string, Map<number, number>>();
  for (const { labels, value } of calls) {
    const key = keyOf(labels);
    const found = methods.get(key) ?? {
      service: String(labels['service']),
      method: String(labels['method']),
      calls: 0,
      failed: 0,
    };
    found.calls += value;
    if (labels['code'] !== 'OK') found.failed += value;
    methods.set(key, found);
  }
  for (const { labels, value, metricName } of durations) {
    if (metricName?.endsWith('_bucket') !== true) continue;
    const counts = buckets.get(keyOf(labels)) ?? new Map<number, number>();
    const le = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    counts.set(le, (counts.get(le) ?? 0) + value);
    buckets.set(keyOf(labels), counts);
  }
  return [...methods].map(([key, method]) => ({
    ...method,
    buckets: [...(buckets.get(key) ?? [])].map(([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le),
  }));
}

function keyOf(labels: Value['labels']): string {
  return `${labels['service']}/${labels['method']}`;
}
