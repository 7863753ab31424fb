import { Option, type Command } from 'commander';
import { formatAddress, readConfig } from '../config.js';
import { startFront, type UpstreamOptions } from '../front.js';
import { openProcessLog } from '../telemetry/process-log.js';
import { existingFile } from './client-options.js';
import { failToStart, runUntilStopped } from './run-until-stopped.js';

interface GatewayCommandOptions {
  readonly upstream: string;
  readonly descriptors?: string;
  readonly token?: string;
  readonly tls: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** `keelson gateway`: stands before a gRPC server, Keelson's or any other, until SIGTERM or SIGINT. */
export function addGatewayCommand(program: Command): void {
  program
    .command('gateway')
    .description(
      'show the methods of any gRPC server to browsers; settings come from KEELSON_* (docs/configuration.md)',
    )
    .requiredOption('--upstream <host:port>', 'the server')
    .option(
      '--descriptors <file>',
      'its contracts: a FileDescriptorSet with all imports; asked by reflection without it',
    )
    .addOption(new Option('--token <token>', 'for reflection, where the server wants one').env('KEELSON_TOKEN'))
    .option('--tls', 'call the server over TLS', false)
    .option('--tls-ca <file>', 'the authorities that sign the server, in PEM; implies --tls', existingFile)
    .option('--tls-cert <file>', 'what the gateway shows of itself, in PEM; implies --tls', existingFile)
    .option('--tls-key <file>', 'the key of --tls-cert, in PEM', existingFile)
    .action(serveGateway);
}

async function serveGateway(options: GatewayCommandOptions): Promise<void> {
  try {
    const config = readConfig(process.env);
    const { log, close } = openProcessLog(config.logLevel);
    const front = await startFront(config, toUpstream(options), { log, clock: { now: () => Date.now() } });
    const stopped = runUntilStopped(front, config);
    const http = formatAddress(front.http);
    process.stdout.write(`keelson gateway before ${options.upstream}\n\nkeelson ready http=${http}\n`);
    const clean = await stopped;
    await close();
    process.exit(clean ? 0 : 1);
  } catch (err) {
    failToStart(err);
  }
}

function toUpstream(options: GatewayCommandOptions): UpstreamOptions {
  const { tlsCa: ca, tlsCert: cert, tlsKey: key } = options;
  const hasTls = options.tls || ca !== undefined || cert !== undefined;
  const tls = { ...(ca && { caFile: ca }), ...(cert && { certFile: cert }), ...(key && { keyFile: key }) };
  return {
    address: options.upstream,
    ...(options.descriptors !== undefined && { descriptorsFile: options.descriptors }),
    ...(options.token !== undefined && { token: options.token }),
    ...(hasTls && { tls }),
  };
}
