import type { Command } from 'commander';
import { ConfigError, readEffectiveSettings } from '../config.js';

/** `keelson config`: prints the settings that are in effect, with secrets masked, or all that is wrong with them. */
export function addConfigCommand(program: Command): void {
  program
    .command('config')
    .description('print the settings that are in effect, with secrets masked; exits with 1 where any is wrong')
    .option('--json', 'print them as one JSON object', false)
    .action(({ json }: { json: boolean }) => {
      process.exitCode = printConfig(json);
    });
}

function printConfig(asJson: boolean): number {
  try {
    const settings = readEffectiveSettings(process.env);
    const text = asJson
      ? JSON.stringify(Object.fromEntries(settings.map(({ name, value }) => [name, value])), null, 2)
      : settings.map(({ name, value, isDefault }) => `${name}=${value}${isDefault ? '  # default' : ''}`).join('\n');
    process.stdout.write(`${text}\n`);
    return 0;
  } catch (err) {
    if (!(err instanceof ConfigError)) throw err;
    process.stderr.write(`${err.message}\n`);
    return 1;
  }
}
