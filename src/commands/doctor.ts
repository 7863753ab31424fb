import type { Command } from 'commander';
import { ConfigError, readConfig } from '../config.js';
import { examine } from '../doctor/examine.js';
import { problem, type Finding } from '../doctor/finding.js';

const SIGNS = { ok: 'ok     ', warning: 'WARNING', problem: 'PROBLEM' } as const satisfies Record<
  Finding['level'],
  string
>;

/** `keelson doctor`: looks at what a server needs, says what to do, and exits with 1 where there is a problem. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at settings, database, Redis, clocks, TLS, ports and files, and say what to do; changes nothing')
    .option('--json', 'print the findings as JSON, one a line', false)
    .action(async ({ json }: { json: boolean }) => {
      process.exitCode = await runDoctor(json);
    });
}

async function runDoctor(asJson: boolean): Promise<number> {
  const findings = await findAll();
  for (const finding of findings) process.stdout.write(`${asJson ? JSON.stringify(finding) : toText(finding)}\n`);
  return findings.some(({ level }) => level === 'problem') ? 1 : 0;
}

async function findAll(): Promise<readonly Finding[]> {
  try {
    return await examine(readConfig(process.env), () => Date.now());
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    // Nothing else can be looked at before it is known where.
    return err.message
      .split('\n')
      .map((mistake) => problem('settings', mistake, 'Correct it: docs/configuration.md explains each setting'));
  }
}

function toText({ check, level, message, todo }: Finding): string {
  return `${SIGNS[level]} ${check}: ${message}${todo === undefined ? '' : `\n        ${todo}`}`;
}
