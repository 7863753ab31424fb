import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bench, Contender } from '../bench.js';
import { isThere, onCores } from '../machine.js';
import type { Sample } from '../result.js';
import { quantile } from '../statistics.js';
import { frameOf, headersOf, probe, type GrpcCall } from './probe.js';

const run = promisify(execFile);
const MICROS_PER_MS = 1000;
const MS_PER_SECOND = 1000;
/** How many calls the first look takes at how fast a server is. */
const FIRST_CALLS = 500;
const CALLS_MAX = 2_000_000;

export interface H2LoadShape {
  readonly connections: number;
  /** Calls that run at one moment on each connection. */
  readonly streams: number;
}

/** 64 callers, as a handful of services have them. */
export const DEFAULT_SHAPE: H2LoadShape = { connections: 4, streams: 16 };

interface H2LoadRun {
  readonly callsPerSecond: number;
  readonly sample: Sample;
}

/** Loads a gRPC server with one call, over and over. A call that fails, or answers anything else than a probe, is an error. */
export async function h2loadContender(
  bench: Bench,
  system: string,
  call: GrpcCall,
  { shape = DEFAULT_SHAPE, messagesPerCall = 1 }: { shape?: H2LoadShape; messagesPerCall?: number } = {},
): Promise<Contender> {
  requireH2load();
  const folder = await bench.folder();
  const bodyFile = join(folder, 'request');
  await writeFile(bodyFile, frameOf(call.request));
  let callsPerSecond: number | undefined;
  const loadCalls = async (calls: number) => {
    const answerBytes = (await probe(call)).byteLength;
    const result = await runH2load({ bench, call, shape, bodyFile, logFile: join(folder, 'log'), calls, answerBytes });
    await probe(call);
    ({ callsPerSecond } = result);
    return result.sample;
  };
  return {
    system,
    async load(durationMs) {
      if (callsPerSecond === undefined) await loadCalls(FIRST_CALLS);
      const wanted = ((callsPerSecond ?? 1) * durationMs) / MS_PER_SECOND;
      const sample = await loadCalls(Math.ceil(Math.min(CALLS_MAX, Math.max(FIRST_CALLS, wanted))));
      return { ...sample, rps: sample.rps * messagesPerCall };
    },
  };
}

function requireH2load(): void {
  if (isThere('h2load')) return;
  throw new Error(
    'Cannot load a gRPC server: h2load is not installed (Debian and Ubuntu: apt-get install nghttp2-client)',
  );
}

interface H2LoadJob {
  readonly bench: Bench;
  readonly call: GrpcCall;
  readonly shape: H2LoadShape;
  readonly bodyFile: string;
  readonly logFile: string;
  readonly calls: number;
  readonly answerBytes: number;
}

async function runH2load({ bench, call, shape, bodyFile, logFile, calls, answerBytes }: H2LoadJob): Promise<H2LoadRun> {
  await rm(logFile, { force: true });
  const [program, args] = onCores(bench.cores.load, [
    ...['h2load', '-n', String(calls), '-c', String(shape.connections), '-m', String(shape.streams), '-d', bodyFile],
    ...Object.entries(headersOf(call)).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...['--log-file', logFile, `http://${call.address}${call.path}`],
  ]);
  const { stdout } = await run(program, args, { maxBuffer: 16 * 1024 * 1024 });
  assertAllWell(stdout, { calls, answerBytes });
  const log = await readFile(logFile, 'utf8');
  const { latenciesMs, seconds } = readLog(log);
  const callsPerSecond = calls / seconds;
  const sample = { rps: callsPerSecond, p50Ms: quantile(latenciesMs, 0.5), p99Ms: quantile(latenciesMs, 0.99) };
  return { callsPerSecond, sample };
}

/** A call of gRPC that fails has HTTP status 200 too, but no answer: the bytes of all answers together give it away. */
function assertAllWell(output: string, { calls, answerBytes }: { calls: number; answerBytes: number }): void {
  const succeeded = Number(/(\d+) succeeded/.exec(output)?.[1]);
  const dataBytes = Number(/^traffic:.*, \S+ \((\d+)\) data$/m.exec(output)?.[1]);
  if (succeeded === calls && dataBytes === calls * answerBytes) return;
  throw new Error(
    `Calls failed: of ${calls}, ${succeeded} were answered, with ${dataBytes} bytes, not ${calls * answerBytes}\n${output}`,
  );
}

/** h2load writes a line a call: when it began and how long it took, in microseconds. */
function readLog(log: string): { latenciesMs: number[]; seconds: number } {
  const latenciesMs: number[] = [];
  let [firstMicros, lastMicros] = [Infinity, 0];
  for (const line of log.split('\n')) {
    const [start = '', , duration = ''] = line.split('\t');
    if (duration === '') continue;
    const [startMicros, micros] = [Number(start), Number(duration)];
    latenciesMs.push(micros / MICROS_PER_MS);
    firstMicros = Math.min(firstMicros, startMicros);
    lastMicros = Math.max(lastMicros, startMicros + micros);
  }
  return { latenciesMs, seconds: (lastMicros - firstMicros) / MICROS_PER_MS / MS_PER_SECOND };
}
