import { existsSync, rmSync } from 'node:fs';
import { filesUnder, hashOf, readStamp, writeStamp } from './hash.mjs';
import { inRoot } from './root.mjs';
import { Failure, runNode } from './run.mjs';

const UNFINISHED = 'dist/.unfinished';

// What each project compiles. The whole is everything that `tsc -b` finds in tsconfig.json.
const PROJECTS = {
  server: { config: 'tsconfig.src.json', sources: ['src', 'gen'] },
  all: { config: 'tsconfig.json', sources: ['src', 'gen', 'tests', 'examples', 'bench'] },
};

/** Compiles the server alone, or everything, to dist/, where a source has changed since the last time. */
export function compile(name) {
  const { config, sources } = PROJECTS[name];
  const stamp = `dist/.${name}-stamp`;
  return {
    isNeeded: () => readStamp(stamp) !== stampOf(sources) || existsSync(inRoot(UNFINISHED)),
    async run() {
      console.log(name === 'all' ? 'Compiling ...' : 'Compiling the server ...');
      const next = stampOf(sources);
      // A compiler that was killed may have noted files as written that are not: what it left is not trusted.
      if (existsSync(inRoot(UNFINISHED))) rmSync(inRoot('dist'), { recursive: true, force: true });
      writeStamp(UNFINISHED, '');
      removeOrphans();
      const code = await runNode(['node_modules/typescript/bin/tsc', '-b', config]);
      rmSync(inRoot(UNFINISHED), { force: true });
      if (code !== 0) throw new Failure(`Cannot compile: tsc ended with code ${code}, see above`);
      writeStamp(stamp, next);
    },
  };
}

const stampOf = (sources) =>
  hashOf([
    ...sources,
    'package-lock.json',
    ...['base', 'gen', 'src'].map((part) => `tsconfig.${part}.json`),
    'tsconfig.json',
  ]);

/** Removes what was compiled from a source that is gone: a deleted test must not run again. */
function removeOrphans() {
  for (const path of PROJECTS.all.sources.flatMap((folder) => filesUnder(`dist/${folder}`))) {
    const source = path.replace(/^dist\//, '').replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts');
    if (!existsSync(inRoot(source))) rmSync(inRoot(path));
  }
}
