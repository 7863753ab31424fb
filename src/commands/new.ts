import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import { PACKAGE_ROOT } from '../package-files.js';
import { planService, writePlan, type PlannedFile } from '../scaffold/new-service.js';
import { ScaffoldError } from '../scaffold/words.js';

interface NewServiceOptions {
  readonly singular?: string;
  readonly area?: string;
  readonly parent?: string;
  readonly dryRun: boolean;
}

/** `keelson new service`: begins a service in this checkout. */
export function addNewCommand(program: Command): void {
  program
    .command('new')
    .description('begin something in this checkout')
    .command('service')
    .description('write contract, repository, service, tests and docs of a new service, and put it among the others')
    .argument('<name>', 'what it keeps, in the plural: parcels, price_lists')
    .option('--singular <name>', 'what one is called, where the plural does not tell')
    .option('--area <name>', 'the package that it belongs to, keelson.AREA.v1; its own by default')
    .option('--parent <pattern>', 'what each belongs to, such as parcels/{parcel}')
    .option('--dry-run', 'say what would be written, and write nothing', false)
    .action(async (name: string, options: NewServiceOptions) => {
      process.exitCode = await newService(name, options);
    });
}

async function newService(name: string, { dryRun, ...options }: NewServiceOptions): Promise<number> {
  try {
    const plan = await planService(PACKAGE_ROOT, { name, ...options });
    if (!dryRun) {
      await writePlan(PACKAGE_ROOT, plan);
      format(plan);
    }
    const verb = (isNew: boolean) => (dryRun ? 'would ' : '') + (isNew ? 'write' : 'change');
    for (const { path, isNew } of plan) process.stdout.write(`${verb(isNew)} ${path}\n`);
    const test = plan.find(({ path }) => path.startsWith('tests/'));
    if (!dryRun) process.stdout.write(`\nNext: npm run gen && npm test -- ${test?.path ?? ''}\n`);
    return 0;
  } catch (err) {
    if (!(err instanceof ScaffoldError)) throw err;
    process.stderr.write(`${err.message}\n`);
    return 1;
  }
}

/** Names are longer or shorter than those of the templates, and lines break elsewhere. */
function format(plan: readonly PlannedFile[]): void {
  const paths = plan.map(({ path }) => path).filter((path) => !path.endsWith('.proto'));
  const args = ['node_modules/prettier/bin/prettier.cjs', '--log-level', 'warn', '--write', ...paths];
  const { status } = spawnSync(process.execPath, args, { cwd: PACKAGE_ROOT, stdio: 'inherit' });
  if (status !== 0) process.stderr.write('Cannot format what was written: run "npm run format"\n');
}
