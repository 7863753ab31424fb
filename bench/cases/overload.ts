import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import type { Bench, BenchCase } from '../bench.js';
import { OpenLoop, type Outcome } from '../load/open-loop.js';
import { resultOf, type Result } from '../result.js';
import { median, quantile, spreadOf } from '../statistics.js';
import { startKeelson } from '../systems.js';
import { workCall } from './echo-call.js';

const TIMES_SATURATION = 3;
const CALLERS = 32;

/** What a call asks for; the second waits for one of the few places that a database would have. */
const WORK = {
  'that compute': { busyMicros: 1000 },
  'that wait': { heldMillis: 20 },
} as const;

/** Whether a server that is asked for far more than it can do still does what it can. */
export const overload: BenchCase = {
  name: 'overload',
  about: `good answers a second while ${TIMES_SATURATION} times as many calls come as can be answered, by the most there are`,
  async run(bench) {
    const results: Result[] = [];
    for (const transport of ['framed', 'http2', 'grpc-js']) {
      // The limit that is measured is what users have who set none.
      const latenessMsMax = String(DEFAULT_LIMITS.latenessMsMax);
      const settings = { KEELSON_GRPC_TRANSPORT: transport, KEELSON_LATENESS_MS_MAX: latenessMsMax };
      const server = await startKeelson(bench, { settings });
      for (const [name, work] of Object.entries(WORK)) {
        const callers = bench.closing(new OpenLoop(workCall(server, work)));
        results.push(await measure(bench, `keelson on ${transport}, calls ${name}`, callers));
      }
      await server.stop();
    }
    return results;
  },
};

async function measure(bench: Bench, system: string, callers: OpenLoop): Promise<Result> {
  const { rounds, roundMs, warmUpMs } = bench.effort;
  const samples: { peak: Outcome; loaded: Outcome }[] = [];
  await callers.saturate(CALLERS, warmUpMs);
  for (let round = 0; round < rounds; round += 1) {
    const peak = await callers.saturate(CALLERS, roundMs);
    const loaded = await callers.offer(TIMES_SATURATION * peak.goodRps, roundMs);
    samples.push({ peak, loaded });
    bench.say(
      `  ${system}: ${Math.round(loaded.goodRps)} of ${Math.round(peak.goodRps)} a second, ` +
        `${Math.round(loaded.refusedRps)} refused, ${Math.round(loaded.lostRps)} lost`,
    );
  }
  const kept = samples.map(({ peak, loaded }) => loaded.goodRps / peak.goodRps);
  const latenciesMs = samples.flatMap(({ loaded }) => loaded.latenciesMs);
  const figures = {
    peakRps: median(samples.map(({ peak }) => peak.goodRps)),
    goodRps: median(samples.map(({ loaded }) => loaded.goodRps)),
    goodByPeak: median(kept),
    lostRps: median(samples.map(({ loaded }) => loaded.lostRps)),
  };
  const [p50Ms, p99Ms] = [quantile(latenciesMs, 0.5), quantile(latenciesMs, 0.99)];
  return { ...resultOf('overload', system, { p50Ms, p99Ms, figures }), spread: spreadOf(kept) };
}
