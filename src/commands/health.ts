import type { Command } from 'commander';
import { HealthCheckResponse_ServingStatus as ServingStatus, HealthDefinition } from '../../gen/health/v1/health.js';
import { createClient } from '../rpc/client/create-client.js';
import { toConnection, withClientOptions, type ClientCommandOptions } from './client-options.js';
import { printCallError } from './output.js';

/** `keelson health [service]`: prints the status, and exits with 0 only when it is SERVING. */
export function addHealthCommand(program: Command): void {
  withClientOptions(program.command('health'))
    .description('ask a server whether it, or one of its services, is serving')
    .argument('[service]', 'full name of a service; the server as a whole without it', '')
    .action(async (service: string, options: ClientCommandOptions) => {
      process.exitCode = await checkHealth(service, options);
    });
}

async function checkHealth(service: string, options: ClientCommandOptions): Promise<number> {
  const client = createClient(HealthDefinition, toConnection(options));
  try {
    const { status } = await client.check({ service });
    process.stdout.write(`${ServingStatus[status]}\n`);
    return status === ServingStatus.SERVING ? 0 : 1;
  } catch (err) {
    return printCallError(err);
  } finally {
    client.close();
  }
}
