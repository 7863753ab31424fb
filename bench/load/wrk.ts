import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import type { Bench, Contender } from '../bench.js';
import { isThere, onCores } from '../machine.js';
import type { Sample } from '../result.js';

const run = promisify(execFile);
const CONNECTIONS = 64;
/**
 * Node takes one new connection in each turn of its event loop, and in between answers all that it has: of 64 that come at
 * once, the last waits for some 64 * 64 / 2 calls. A server that has just started may need more for that than the two
 * seconds after which wrk speaks of a time-out.
 */
const TIMEOUT = '10s';
const MS_PER_SECOND = 1000;
const UNITS_MS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1000, m: 60_000 };

/** An HTTP/1 request, always the same. */
export interface HttpCall {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What the answer must be: JSON, whatever space is in it. */
  readonly answer: string;
}

/** Loads an HTTP server with one request, over and over. A status other than 2xx is an error, and so is another answer. */
export async function wrkContender(bench: Bench, system: string, call: HttpCall): Promise<Contender> {
  if (!isThere('wrk'))
    throw new Error('Cannot load an HTTP server: wrk is not installed (Debian and Ubuntu: apt-get install wrk)');
  const script = join(await bench.folder(), 'request.lua');
  await writeFile(script, toLua(call));
  return {
    system,
    async load(durationMs) {
      await probeHttp(call);
      const seconds = Math.max(1, Math.round(durationMs / MS_PER_SECOND));
      const [program, args] = onCores(bench.cores.load, [
        ...[
          'wrk',
          '-t1',
          `-c${CONNECTIONS}`,
          `-d${seconds}s`,
          '--timeout',
          TIMEOUT,
          '--latency',
          '-s',
          script,
          call.url,
        ],
      ]);
      const { stdout } = await run(program, args);
      await probeHttp(call);
      return readWrk(system, stdout);
    },
  };
}

async function probeHttp({ url, method, headers, body, answer }: HttpCall): Promise<void> {
  const response = await fetch(url, { method, headers, body });
  const text = await response.text();
  // Go writes a space here and there, so that nobody relies on there being none.
  if (response.status === 200 && isDeepStrictEqual(JSON.parse(text), JSON.parse(answer))) return;
  throw new Error(`${method} ${url} answered ${response.status} ${text}`);
}

function toLua({ method, headers, body }: HttpCall): string {
  // Plain texts are written alike in JSON and in Lua.
  const text = (value: string) => JSON.stringify(value);
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers[${text(name)}] = ${text(value)}`);
  return [`wrk.method = ${text(method)}`, `wrk.body = ${text(body)}`, ...lines].join('\n');
}

function readWrk(system: string, output: string): Sample {
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(output) ?? /Socket errors: .*/.exec(output);
  if (bad !== null) throw new Error(`Requests to ${system} failed: ${bad[0]}`);
  return {
    rps: Number(/^Requests\/sec: +([\d.]+)$/m.exec(output)?.[1]),
    p50Ms: readTime(output, 50),
    p99Ms: readTime(output, 99),
  };
}

function readTime(output: string, percent: number): number {
  const [, value, unit = ''] = new RegExp(`^ +${percent}% +([\\d.]+)(us|ms|s|m)$`, 'm').exec(output) ?? [];
  return Number(value) * (UNITS_MS[unit] ?? Number.NaN);
}
