// How long the shim takes to find the route of a request among 10 and among 10,000: `node dist/bench/gateway-routes.js`
// Each time is the median over rounds of a thousand lookups, with the cutting of the path and without it. All routes are asked
// for in turn, and then those of one resource alone, whose part of the tree stays in the caches of the processor.
import { performance } from 'node:perf_hooks';
import { splitPath, type PathSegments } from '../src/gateway/routes/request-target.js';
import { createRouter, type RouteEntry } from '../src/gateway/routes/router.js';
import { parseTemplate } from '../src/gateway/routes/template.js';
import { printLine } from './print-line.js';

const ROUNDS = 400;
const LOOKUPS = 1000;
const NANOS_PER_MS = 1_000_000;

/** The routes of one resource, as services have them. */
const RESOURCE_ROUTES = 10;

for (const count of [10, 100, 1000, 10_000]) report(count, count / RESOURCE_ROUTES);
report(10_000, 1);

/** Looks up the routes of so many resources among so many routes. */
function report(count: number, asked: number): void {
  const resources = Array.from({ length: count / RESOURCE_ROUTES }, (_unused, index) => index);
  const routes = resources.flatMap(routesOf);
  const router = createRouter(routes);
  const paths = Array.from({ length: LOOKUPS }, (_unused, index) => requestTo((index * 7919) % asked, index));
  const cut = paths.map(({ httpMethod, path }) => ({ httpMethod, segments: splitPath(path) as PathSegments }));
  for (const { httpMethod, segments } of cut) {
    if (router.find(httpMethod, segments).kind !== 'found') throw new Error(`No route: ${segments.raw.join('/')}`);
  }
  const lookup = medianNanos(() => {
    for (const { httpMethod, segments } of cut) router.find(httpMethod, segments);
  });
  const whole = medianNanos(() => {
    for (const { httpMethod, path } of paths) router.find(httpMethod, splitPath(path) as PathSegments);
  });
  printLine(
    `${String(routes.length).padStart(6)} routes, ${String(asked * RESOURCE_ROUTES).padStart(6)} asked for: ${lookup} ns a lookup, ${whole} ns with the path cut`,
  );
}

/** Standard methods, custom ones, children and a rest of the path. */
function routesOf(index: number): RouteEntry<string>[] {
  const [project, kind] = [`v${(index % 3) + 1}/{name=projects/*`, `things${index}`];
  const base = `/v${(index % 3) + 1}/{parent=projects/*}/${kind}`;
  const routes = [
    `GET ${base}`,
    `POST ${base}`,
    `POST ${base}:batchGet`,
    `GET /${project}/${kind}/*}`,
    `PATCH /${project}/${kind}/*}`,
    `DELETE /${project}/${kind}/*}`,
    `POST /${project}/${kind}/*}:cancel`,
    `GET /${project}/${kind}/*}/revisions`,
    `GET /${project}/${kind}/*/revisions/*}`,
    `GET /${project}/${kind}/*/files/**}`,
  ];
  return routes.map((route) => {
    const [httpMethod = '', path = ''] = route.split(' ');
    return { httpMethod, template: parseTemplate(path), target: route, label: route };
  });
}

function requestTo(resource: number, index: number): { httpMethod: string; path: string } {
  const base = `/v${(resource % 3) + 1}/projects/p-${index}/things${resource}`;
  const requests: readonly (readonly [string, string])[] = [
    ['GET', base],
    ['POST', `${base}:batchGet`],
    ['GET', `${base}/t-${index}`],
    ['POST', `${base}/t-${index}:cancel`],
    ['GET', `${base}/t%20${index}/revisions/7`],
    ['GET', `${base}/t-${index}/files/a/b/c`],
  ];
  const [httpMethod, path] = requests[index % requests.length] ?? ['GET', base];
  return { httpMethod, path };
}

function medianNanos(round: () => void): number {
  for (let count = 0; count < ROUNDS / 4; count += 1) round();
  const times = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now();
    round();
    return ((performance.now() - startMs) * NANOS_PER_MS) / LOOKUPS;
  });
  times.sort((one, other) => one - other);
  return Math.round(times[ROUNDS / 2] ?? Number.NaN);
}
