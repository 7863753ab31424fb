import { Option, type Command } from 'commander';

/** How a client command finds its server. */
export interface ClientCommandOptions {
  readonly address: string;
  readonly token?: string;
}

/** Gives a command the options that every client command has; each can be set in the environment too. */
export function withClientOptions(command: Command): Command {
  return command
    .addOption(new Option('--address <host:port>', 'the server').env('KEELSON_ADDRESS').default('127.0.0.1:50051'))
    .addOption(new Option('--token <token>', 'sent as a bearer token').env('KEELSON_TOKEN'));
}
