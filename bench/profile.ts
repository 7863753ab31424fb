// Where the time of a call goes: `npm run bench:profile [-- --case echo|stream|rest]` writes a CPU profile of a loaded server, which
// speedscope.app and the developer tools of Chromium show as a flame graph, and prints what each part of the code took.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench, type Contender } from './bench.js';
import { echoCall, echoManyCall } from './cases/echo-call.js';
import { restCall } from './cases/rest-call.js';
import { h2loadContender } from './load/h2load.js';
import { wrkContender } from './load/wrk.js';
import { startKeelson, type RunningKeelson } from './systems.js';

const WARM_UP_MS = 5_000;
const LOAD_MS = 5_000;
const ROWS = 25;
const PERCENT = 100;

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly url: string; readonly functionName: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const { values } = parseArgs({
  options: { case: { type: 'string', default: 'echo' }, out: { type: 'string', default: 'bench.cpuprofile' } },
});

const bench = new Bench({ rounds: 1, roundMs: LOAD_MS, warmUpMs: WARM_UP_MS });
try {
  const profile = await profileServer();
  await writeFile(values.out, profile);
  process.stdout.write(
    `${tableOf(JSON.parse(profile) as CpuProfile)}\n\nFlame graph: open ${values.out} in speedscope.app, or in Chromium\n`,
  );
} finally {
  await bench.close();
}

/** Node writes a profile when the process ends. */
async function profileServer(): Promise<string> {
  const folder = await bench.folder();
  const server = await startKeelson(bench, { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${folder}`] });
  const { load } = await contenderFor(server);
  await load(WARM_UP_MS);
  await load(LOAD_MS);
  await server.stop();
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  // The thread that writes to the database has a profile of its own.
  return texts.toSorted((a, b) => b.length - a.length)[0] ?? '{}';
}

function contenderFor(server: RunningKeelson): Promise<Contender> {
  switch (values.case) {
    case 'rest':
      return wrkContender(bench, 'keelson', restCall(server));
    case 'stream':
      return h2loadContender(bench, 'keelson', echoManyCall(server, 200));
    default:
      return h2loadContender(bench, 'keelson', echoCall(server));
  }
}

/** What each part of the code took itself, as a share of the time in which the process did anything, without its first half. */
function tableOf({ nodes, samples, timeDeltas }: CpuProfile): string {
  const partById = new Map(nodes.map(({ id, callFrame }) => [id, partOf(callFrame)]));
  const micros = new Map<string, number>();
  for (let n = Math.floor(samples.length / 2); n < samples.length; n += 1) {
    const part = partById.get(samples[n] ?? 0) ?? '';
    micros.set(part, (micros.get(part) ?? 0) + (timeDeltas[n] ?? 0));
  }
  micros.delete('(idle)');
  const total = [...micros.values()].reduce((sum, value) => sum + value, 0);
  return [...micros]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, ROWS)
    .map(([part, value]) => `${((PERCENT * value) / total).toFixed(1).padStart(5)} %  ${part}`)
    .join('\n');
}

/** Names the file of ours, the package, or the part of Node that a function belongs to. */
function partOf({ url, functionName }: { readonly url: string; readonly functionName: string }): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native functions';
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return inPackage ?? /\/dist\/(.*)\.js$/.exec(url)?.[1] ?? url;
}
