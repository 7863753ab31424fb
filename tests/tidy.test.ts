import { expect } from 'chai';
import { readEffectiveSettings, SETTINGS } from '../src/config.js';
import { listFiles, readJson, readText } from './support/repository.js';
import { requireTool } from './support/require-tool.js';

const CODE_LINES_MAX = 400;
const CODE = /\.(ts|mts|mjs|js)$/;
const BINARY = /\.(binpb|png|ico|woff2)$/;

// Files over the cap, with what to do about each. The list only gets shorter.
const OVER_THE_CAP: Readonly<Record<string, string>> = {};

// Files with a cast that the compiler cannot follow, with why each is right. The list only gets shorter.
const CASTS: Readonly<Record<string, string>> = {
  'examples/import-countries.ts': 'the shape of the records that the example has just written',
  'src/commands/call.ts': 'one command for calls of all kinds and types',
  'src/rpc/client/create-client.ts': 'the methods are built in a loop over the definition that types them',
  'src/rpc/service.ts': 'handlers of all request types in one record',
  'src/telemetry/call-figures.ts':
    'a registry of prom-client takes a class, and asks nothing of it but a name and values',
};

const MACHINE_PATH = /(?:^|[\s"'`(=:])\/(?:home|Users|root|work|private)\/[\w.-]/;
// package-lock.json names funding pages and licences of other people, and no more.
const REGISTRY_HOST = /https?:\/\/[\w.-]*(?:registry|artifactory|nexus|verdaccio|npmjs)[\w.-]*/i;

interface PackageJson {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface PackageLock {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

interface LockEntry {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe('The repository', () => {
  before(requireTool('git'));

  const own = (): string[] => listFiles().filter((path) => !/^(bench\/)?gen\//.test(path) && !BINARY.test(path));
  const code = (): string[] => own().filter((path) => CODE.test(path));
  const notIn = (path: string): boolean => path !== 'package-lock.json' && path !== 'LICENSE';

  it('has no code file over the cap, save those that the list names', () => {
    const long = code().filter((path) => countLines(readText(path)) > CODE_LINES_MAX);
    expect(long).to.deep.equal(Object.keys(OVER_THE_CAP).sort());
  });

  it('has no drawer for everything: no utils, helpers or common files', () => {
    const drawers = code().filter((path) => /(^|\/)(utils?|helpers?|common|misc)(\.|\/)/.test(path));
    expect(drawers).to.deep.equal([]);
  });

  it('has no barrel: no index file, and no file that only exports what others hold', () => {
    const barrels = code().filter((path) => /(^|\/)index\.\w+$/.test(path) || isBarrel(readText(path)));
    expect(barrels).to.deep.equal([]);
  });

  it('has no note to fix something later, save with the name of who will', () => {
    expect(findLines(own().filter(notIn), new RegExp(['FIX', 'ME\\b'].join('')))).to.deep.equal([]);
    expect(findLines(own().filter(notIn), new RegExp(['\\bTO', 'DO\\b(?!\\([\\w-]+\\))'].join('')))).to.deep.equal([]);
  });

  it('names no path of somebody’s machine and no package registry', () => {
    expect(findLines(own().filter(notIn), MACHINE_PATH)).to.deep.equal([]);
    expect(findLines(own(), REGISTRY_HOST)).to.deep.equal([]);
  });

  it('switches off no type check by a comment', () => {
    const escapes = new RegExp(['@ts-(ig', 'nore|no', 'check|expect-', 'error)'].join(''));
    expect(findLines(code(), escapes)).to.deep.equal([]);
  });

  it('casts through unknown only where the list says why', () => {
    // A test may hand over what the types forbid.
    const inUse = code().filter((path) => !path.startsWith('tests/'));
    const casting = inUse.filter((path) => new RegExp(['\\bas unk', 'nown as\\b'].join('')).test(readText(path)));
    expect(casting).to.deep.equal(Object.keys(CASTS).sort());
  });

  it('has a test for nothing that is gone: each unit test mirrors a file or folder of src, or of what tests share', () => {
    const files = listFiles();
    const orphans = files
      .filter((path) => /^tests\/unit\/.*\.test\.ts$/.test(path))
      .filter((path) => {
        const sources = ['src/', 'tests/'].map((home) => path.replace('tests/unit/', home).replace('.test.ts', ''));
        return !files.some((file) =>
          sources.some((source) => file === `${source}.ts` || file.startsWith(`${source}/`)),
        );
      });
    expect(orphans).to.deep.equal([]);
  });
});

describe('package-lock.json', () => {
  const lock = readJson('package-lock.json') as PackageLock;

  it('names no address that a package comes from, so that every registry serves it', () => {
    const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
    expect(resolved.map(([path]) => path)).to.deep.equal([]);
  });

  it('lists the optional packages of every platform (npm run lock:complete adds them)', () => {
    const missing = Object.entries(lock.packages)
      .filter(([path]) => path !== '')
      .flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => lock.packages[`node_modules/${name}`] === undefined);
    expect(missing).to.deep.equal([]);
  });
});

describe('package.json', () => {
  before(requireTool('git'));

  const { dependencies, devDependencies } = readJson('package.json') as PackageJson;

  it('names the packages that docs/dependencies.md gives a reason for, and no others', () => {
    const rows =
      readText('docs/dependencies.md')
        .split('## Held back')[0]
        ?.matchAll(/^\| `([^`]+)` +\|/gm) ?? [];
    const explained = [...rows].map(([, name]) => name);
    expect(explained).to.have.members([...Object.keys(dependencies), ...Object.keys(devDependencies)]);
  });

  it('names no package for the running server that src does not use', () => {
    const sources = listFiles().filter((path) => /^(src|gen)\/.*\.ts$/.test(path));
    const texts = sources.map(readText).join('\n');
    const unused = Object.keys(dependencies).filter((name) => !new RegExp(`['"]${name}['"/]`).test(texts));
    expect(unused).to.deep.equal([]);
  });

  it('names each package that src uses among those for the running server', () => {
    const used = listFiles()
      .filter((path) => /^src\/.*\.ts$/.test(path))
      .flatMap((path) => [...readText(path).matchAll(/\bfrom '(@[^/']+\/[^/']+|[^./'@][^/']*)/g)])
      .map(([, name]) => name)
      .filter((name) => name !== undefined && !name.startsWith('node:'));
    expect([...new Set(used)].filter((name) => name !== undefined && !(name in dependencies))).to.deep.equal([]);
  });
});

describe('The settings', () => {
  before(requireTool('git'));

  it('are all explained in docs/configuration.md, which explains no others', () => {
    const explained = findWords(readText('docs/configuration.md'), /\bKEELSON_[A-Z0-9_]*[A-Z0-9]\b/g);
    expect(
      SETTINGS.filter((name) => !explained.includes(name)),
      'read but not explained',
    ).to.deep.equal([]);
    const elsewhere = findWords(
      listFiles()
        .filter((path) => /^(src|tests|scripts)\//.test(path))
        .map(readText)
        .join('\n'),
    );
    expect(
      explained.filter((name) => !elsewhere.includes(name)),
      'explained but not read',
    ).to.deep.equal([]);
  });

  it('have the defaults that docs/configuration.md tells', () => {
    const rows = readText('docs/configuration.md').matchAll(/^\| `(KEELSON_\w+)` +\| +(?:`([^`]*)`)? +\|/gm);
    const told = new Map([...rows].map(([, name, value = '']) => [name, value]));
    const wrong = readEffectiveSettings({}).filter(({ name, value }) => told.has(name) && told.get(name) !== value);
    expect(wrong.filter(({ name }) => name !== 'KEELSON_DATA_DIR')).to.deep.equal([]);
  });
});

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

function isBarrel(text: string): boolean {
  const statements = text
    .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
  return (
    statements.length > 0 && statements.every((statement) => /^export (type )?(\*|\{[^}]*\}) .*from /s.test(statement))
  );
}

function findLines(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    readText(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

function findWords(text: string, pattern = /\bKEELSON_[A-Z0-9_]*[A-Z0-9]\b/g): string[] {
  return [...new Set(text.match(pattern))];
}
