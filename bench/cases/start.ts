import { performance } from 'node:perf_hooks';
import type { Bench, BenchCase } from '../bench.js';
import { probe, type GrpcCall } from '../load/probe.js';
import { summarize, type Sample } from '../result.js';
import { startKeelson, startPeer } from '../systems.js';
import { echoCall } from './echo-call.js';

const MS_PER_SECOND = 1000;

export const start: BenchCase = {
  name: 'start',
  about:
    'from the start of the process to its first answer, on one core, with an empty data directory; rps is starts a second',
  async run(bench) {
    const systems: Record<string, () => Promise<GrpcCall>> = {
      keelson: async () => echoCall(await startKeelson(bench)),
      'grpc-js': async () => echoCall(await startPeer(bench, 'grpc-js.mjs')),
      nestjs: async () => echoCall(await startPeer(bench, 'nestjs.mjs')),
    };
    const samples = new Map(Object.keys(systems).map((system) => [system, [] as Sample[]]));
    for (let round = 0; round < bench.effort.rounds; round += 1) {
      for (const [system, open] of Object.entries(systems)) samples.get(system)?.push(await timeStart(bench, open));
    }
    return summarize('start', samples);
  },
};

async function timeStart(bench: Bench, open: () => Promise<GrpcCall>): Promise<Sample> {
  const began = performance.now();
  await probe(await open());
  const ms = performance.now() - began;
  await bench.close();
  return { rps: MS_PER_SECOND / ms, p50Ms: ms, p99Ms: ms };
}
