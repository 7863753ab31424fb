import { spawnSync } from 'node:child_process';

const PROBE_MS_MAX = 10_000;

/** A program beyond Node that some tests want: how to ask whether it is there, and how to get it. */
interface Tool {
  readonly probe: readonly [command: string, ...args: string[]];
  readonly get: string;
}

const TOOLS = {
  redis: { probe: ['redis-server', '--version'], get: 'apt-get install redis-server, or brew install redis' },
  mongo: { probe: ['mongod', '--version'], get: 'https://www.mongodb.com/try/download/community' },
  chromium: { probe: ['chromium', '--version'], get: 'apt-get install chromium, or brew install chromium' },
  go: { probe: ['go', 'version'], get: 'https://go.dev/dl' },
  python: { probe: ['python3', '--version'], get: 'apt-get install python3, or https://www.python.org/downloads' },
  grpcurl: { probe: ['grpcurl', '-version'], get: 'go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest' },
  openssl: { probe: ['openssl', 'version'], get: 'apt-get install openssl, or brew install openssl' },
  compose: { probe: ['docker', 'compose', 'version'], get: 'https://docs.docker.com/compose/install' },
  kubectl: { probe: ['kubectl', 'version', '--client'], get: 'https://kubernetes.io/docs/tasks/tools' },
  nginx: { probe: ['nginx', '-v'], get: 'apt-get install nginx, or brew install nginx' },
  // That of util-linux: others take no command this way.
  script: { probe: ['script', '--version'], get: 'apt-get install bsdutils' },
  git: { probe: ['git', '--version'], get: 'apt-get install git, or https://git-scm.com/downloads' },
} as const satisfies Record<string, Tool>;

export type ToolName = keyof typeof TOOLS;

const isThere = new Map<ToolName, boolean>();

/**
 * A hook for `before()`: skips the group, with one line that says why, where a tool is missing.
 * Where KEELSON_TEST_REQUIRE names the tool, the group fails instead.
 */
export function requireTool(name: ToolName): Mocha.Func {
  return function (this: Mocha.Context) {
    if (probe(name)) return;
    const { probe: command, get } = TOOLS[name];
    const group = this.test?.parent?.fullTitle() ?? 'a group of tests';
    const why = `"${command[0]}" is not on this machine. To get it: ${get}`;
    if (isRequired(name)) throw new Error(`Cannot run "${group}", and KEELSON_TEST_REQUIRE wants it: ${why}`);
    process.stdout.write(`Skipped "${group}": ${why}\n`);
    this.skip();
  };
}

function probe(name: ToolName): boolean {
  const known = isThere.get(name);
  if (known !== undefined) return known;
  const [command, ...args] = TOOLS[name].probe;
  const found = spawnSync(command, args, { stdio: 'ignore', timeout: PROBE_MS_MAX }).status === 0;
  isThere.set(name, found);
  return found;
}

function isRequired(name: ToolName): boolean {
  const required = (process.env['KEELSON_TEST_REQUIRE'] ?? '').split(',').map((word) => word.trim());
  return required.includes(name);
}
