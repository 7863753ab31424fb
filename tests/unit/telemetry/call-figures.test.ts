import { expect } from 'chai';
import fc from 'fast-check';
import { AggregatorRegistry, Counter, Histogram, Registry } from 'prom-client';
import { CallFigures, type CallFigure } from '../../../src/telemetry/call-figures.js';
import { seed } from '../../support/seed.js';

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

describe('CallFigures', () => {
  /** The same figures by prom-client's own counter and histogram. */
  function theirs(calls: readonly CallFigure[]): Registry {
    const registry = new Registry();
    const registers = [registry];
    const labelNames = ['service', 'method', 'protocol'];
    const counter = new Counter({
      name: 'keelson_calls_total',
      help: 'Calls that have ended',
      labelNames: [...labelNames, 'code'],
      registers,
    });
    const histogram = new Histogram({
      name: 'keelson_call_duration_seconds',
      help: 'How long calls took from their headers to their end',
      labelNames,
      buckets: BUCKETS,
      registers,
    });
    for (const { durationMs, code, ...labels } of calls) {
      counter.inc({ ...labels, code });
      histogram.observe(labels, durationMs / 1000);
    }
    return registry;
  }

  function ours(calls: readonly CallFigure[]): Registry {
    const registry = new Registry();
    const figures = new CallFigures(registry);
    for (const call of calls) figures.count(call);
    return registry;
  }

  const words = (...choices: string[]) => fc.constantFrom(...choices);
  const calls = fc.array(
    fc.record({
      service: words('a.v1.A', 'b.v1.B'),
      method: words('Get', 'List'),
      protocol: words('grpc', 'http'),
      code: words('OK', 'NOT_FOUND'),
      durationMs: fc.oneof(
        fc.double({ min: 0, max: 100_000, noNaN: true }),
        fc.constantFrom(...BUCKETS.map((seconds) => seconds * 1000)),
      ),
    }),
  );

  it('are what the metrics of prom-client show', async () => {
    const property = fc.asyncProperty(calls, async (made) => {
      expect(linesOf(await ours(made).metrics())).to.have.members(linesOf(await theirs(made).metrics()));
    });
    await fc.assert(property, { seed: seed(), numRuns: 200 });
  });

  it('add up over processes as those do', async () => {
    const property = fc.asyncProperty(calls, calls, async (here, there) => {
      const sum = async (make: typeof ours) => {
        const snapshots = await Promise.all([make(here), make(there)].map((registry) => registry.getMetricsAsJSON()));
        return linesOf(await AggregatorRegistry.aggregate(snapshots).metrics());
      };
      expect(await sum(ours)).to.have.members(await sum(theirs));
    });
    await fc.assert(property, { seed: seed(), numRuns: 100 });
  });
});

/** Labels have no order. */
function linesOf(text: string): string[] {
  return text.split('\n').map((line) => {
    const [, name = line, labels = '', value = ''] = /^(\w+)\{(.*)\} (.*)$/.exec(line) ?? [];
    return `${name} ${labels.split(',').toSorted().join()} ${value}`;
  });
}
