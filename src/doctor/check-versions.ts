import { ok, problem, type Finding } from './finding.js';

/** Holds the version of Node against what the package asks for: `>=20.19.0`. */
export function checkVersions(running: string, wanted: string, release: string): Finding {
  const found = numbersOf(running);
  const least = numbersOf(wanted);
  const first = found.findIndex((number, index) => number !== least[index]);
  const isOld = first !== -1 && (found[first] ?? 0) < (least[first] ?? 0);
  const what = `Keelson ${release} on Node ${running.replace(/^v/, '')}`;
  if (!isOld) return ok('versions', what);
  return problem('versions', `${what}, which needs Node ${wanted}`, 'Install a newer Node from https://nodejs.org');
}

function numbersOf(version: string): number[] {
  return version.replace(/^\D*/, '').split('.').map(Number);
}
