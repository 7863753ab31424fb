import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Counter,
  Gauge,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { CallFigures, type CallFigure } from './call-figures.js';
import { SlowCalls, type SlowCall } from './slow-calls.js';

/** What is counted of a call that has ended. Each word comes from the contract or a table: callers cannot make new ones. */
export interface CountedCall extends CallFigure {
  readonly requestId: string;
  /** A stream may last as long as its client likes: it is not slow. */
  readonly isStream: boolean;
}

/** Numbers of one kind, by the values of a label, of which there must be few. */
export interface LabelledNumbers {
  readonly label: string;
  readonly read: () => Readonly<Record<string, number>>;
}

/** The numbers of a process, for Prometheus. */
export interface Metrics {
  countCall(call: CountedCall): void;
  /** Counts a call that was turned away before it began, by the setting that says how much is too much. */
  countRefused(limit: string): void;
  /** Shows a number that is read when somebody asks. Of several processes, the sum is shown, or what `across` says. */
  gauge(name: string, help: string, read: () => number, options?: GaugeOptions): void;
  /** Shows numbers that only grow, one for each value of a label; they are read when somebody asks. */
  totals(name: string, help: string, source: LabelledNumbers): void;
  /** Shows one gauge for each value of a label. */
  gauges(name: string, help: string, source: LabelledNumbers, options?: GaugeOptions): void;
  /** Writes all of them in the format that Prometheus reads. */
  render(): Promise<RenderedMetrics>;
  /** Gives them as values, to be shown together with those of other processes. */
  snapshot(): Promise<MetricsSnapshot>;
  /** The calls that took longest lately, the slowest first. */
  slowest(): readonly SlowCall[];
}

export interface GaugeOptions {
  readonly across?: 'sum' | 'min' | 'max';
}

/** The numbers of a process at one moment; it can be sent to another process. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

export interface RenderedMetrics {
  readonly contentType: string;
  readonly text: string;
}

/** Writes the numbers of several processes as one: counts are added up, and gauges as each says. */
export async function renderTogether(snapshots: readonly MetricsSnapshot[]): Promise<RenderedMetrics> {
  const registry = aggregate(snapshots);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

/** The same, as values. */
export function addUp(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  return aggregate(snapshots).getMetricsAsJSON();
}

function aggregate(snapshots: readonly MetricsSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]));
}

/** Makes a set of metrics of its own: nothing in it is global. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const figures = new CallFigures(registry);
  const refused = new Counter({
    name: 'keelson_calls_refused_total',
    help: 'Calls that were turned away before they began, because there was too much to do',
    labelNames: ['limit'],
    registers: [registry],
  });
  const slowCalls = new SlowCalls();
  return {
    countRefused: (limit) => refused.inc({ limit }),
    countCall(call) {
      if (!call.isStream) slowCalls.note(call);
      figures.count(call);
    },
    gauge(name, help, read, { across: aggregator = 'sum' } = {}) {
      const collect = () => gauge.set(read());
      const gauge: Gauge = new Gauge({ name, help, registers: [registry], aggregator, collect });
    },
    totals(name, help, { label, read }) {
      const counter: Counter = new Counter({
        name,
        help,
        labelNames: [label],
        registers: [registry],
        collect: () => {
          counter.reset();
          for (const [value, total] of Object.entries(read())) counter.inc({ [label]: value }, total);
        },
      });
    },
    gauges(name, help, { label, read }, { across: aggregator = 'sum' } = {}) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames: [label],
        registers: [registry],
        aggregator,
        collect: () => {
          gauge.reset();
          for (const [value, number] of Object.entries(read())) gauge.set({ [label]: value }, number);
        },
      });
    },
    slowest: () => slowCalls.list(),
    snapshot: () => registry.getMetricsAsJSON(),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
