import { existsSync } from 'node:fs';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ClientTls } from '../rpc/client/grpc-channel.js';

/** What a client command is told about its server. */
export interface ClientCommandOptions {
  readonly address: string;
  readonly token?: string;
  readonly tls: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** How a client command finds its server, as createClient() takes it. */
export interface ClientConnection {
  readonly address: string;
  readonly token?: string;
  readonly tls?: ClientTls;
}

/** Gives a command the options that every client command has; each can be set in the environment too. */
export function withClientOptions(command: Command): Command {
  return command
    .addOption(new Option('--address <host:port>', 'the server').env('KEELSON_ADDRESS').default('127.0.0.1:50051'))
    .addOption(new Option('--token <token>', 'sent as a bearer token').env('KEELSON_TOKEN'))
    .option('--tls', 'connect over TLS', false)
    .addOption(
      new Option('--ca <file>', 'the authorities that sign the server, in PEM; implies --tls')
        .env('KEELSON_CA_FILE')
        .argParser(existingFile),
    )
    .addOption(
      new Option('--cert <file>', 'what the client shows of itself, in PEM; implies --tls')
        .env('KEELSON_CERT_FILE')
        .argParser(existingFile),
    )
    .addOption(new Option('--key <file>', 'the key of --cert, in PEM').env('KEELSON_KEY_FILE').argParser(existingFile))
    .hook('preAction', (_program, chosen) => {
      const { cert, key } = chosen.opts<ClientCommandOptions>();
      if ((cert === undefined) === (key === undefined)) return;
      chosen.error('error: --cert and --key: one is of no use without the other');
    });
}

/** Gives the connection that the options ask for. A token that is empty is none, as in `KEELSON_TOKEN=$(cat no-such-file)`. */
export function toConnection({ address, token, tls, ca, cert, key }: ClientCommandOptions): ClientConnection {
  const files = {
    ...(ca !== undefined && { caFile: ca }),
    ...(cert !== undefined && { certFile: cert }),
    ...(key !== undefined && { keyFile: key }),
  };
  const hasTls = tls || ca !== undefined || cert !== undefined;
  return { address, ...(token !== undefined && token !== '' && { token }), ...(hasTls && { tls: files }) };
}

/** Takes the name of a file that is there. Said here: a connection could only say that it does not come up. */
export function existingFile(value: string): string {
  if (!existsSync(value)) throw new InvalidArgumentError('there is no such file');
  return value;
}
