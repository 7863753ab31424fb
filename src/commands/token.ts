import { type Command, InvalidArgumentError } from 'commander';
import { pino } from 'pino';
import type { ApiKey } from '../../gen/keelson/identity/v1/resources.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { recoverOn } from '../recovery.js';
import { createClient, type ServiceClient } from '../rpc/client/create-client.js';
import { toConnection, withClientOptions, type ClientCommandOptions } from './client-options.js';
import { printCallError } from './output.js';
import { withStore } from './ledger.js';

type Client = ServiceClient<typeof IdentityServiceDefinition>;

interface CreateOptions extends ClientCommandOptions {
  readonly newAccount: boolean;
  readonly displayName: string;
  readonly scope: readonly string[];
  readonly expires?: Date;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** `keelson token create|list|revoke`: the API keys of service accounts; `keelson token recover`: when no token is left. */
export function addTokenCommand(program: Command): void {
  const token = program.command('token').description('make, list and revoke the tokens (API keys) of service accounts');
  withClientOptions(token.command('create'))
    .description('make an API key, and print its token: this once')
    .argument('<account>', 'such as serviceAccounts/orders, or orders', toAccount)
    .option('--new-account', 'make the service account, too', false)
    .option('--display-name <text>', 'what the key is for', '')
    .option('--scope <permission...>', 'all that the key may do, such as documents.documents.get or documents.*', [])
    .option('--expires <days>', 'the days after which the key ends', toEnd)
    .action((account: string, options: CreateOptions) =>
      run(options, async (client) => {
        if (options.newAccount) {
          await client.createServiceAccount({ serviceAccountId: account.slice(ACCOUNT.length), serviceAccount: {} });
        }
        const { displayName, scope: scopes, expires } = options;
        const apiKey = { displayName, scopes: [...scopes], ...(expires && { expireTime: toTimestamp(expires) }) };
        const made = await client.createApiKey({ parent: account, apiKey });
        process.stderr.write(`${made.apiKey?.name ?? ''}\n`);
        process.stdout.write(`${made.token}\n`);
      }),
    );
  withClientOptions(token.command('list'))
    .description('list the API keys of a service account, or of all')
    .argument('[account]', 'such as serviceAccounts/orders, or orders', toAccount)
    .action((account: string | undefined, options: ClientCommandOptions) =>
      run(options, async (client) => {
        for await (const key of keysOf(client, account)) process.stdout.write(`${describe(key)}\n`);
      }),
    );
  withClientOptions(token.command('revoke'))
    .description('delete an API key: no token of it is valid any more')
    .argument('<key>', 'the name of the key, or what its token begins with, up to the underscore', toKeyName)
    .action((name: string, options: ClientCommandOptions) =>
      run(options, async (client) => void (await client.deleteApiKey({ name }))),
    );
  token
    .command('recover')
    .description('make an administrator with the store in hand, which comes from KEELSON_* (docs/identity.md)')
    .action(async () => {
      process.exitCode = await withStore(async (store) => {
        const { account, apiKey, binding, token: made } = await recoverOn(store, pino({ level: 'silent' }));
        process.stderr.write(`${account} may do everything (${binding}), and has a new key: ${apiKey}\n`);
        process.stdout.write(`${made}\n`);
        return 0;
      });
    });
}

async function run(options: ClientCommandOptions, work: (client: Client) => Promise<void>): Promise<void> {
  const client = createClient(IdentityServiceDefinition, toConnection(options));
  try {
    await work(client);
  } catch (err) {
    process.exitCode = printCallError(err);
  } finally {
    client.close();
  }
}

async function* keysOf(client: Client, account: string | undefined): AsyncGenerator<ApiKey> {
  const parents = account === undefined ? accountsOf(client) : [account];
  for await (const parent of parents) {
    let pageToken = '';
    do {
      const { apiKeys, nextPageToken } = await client.listApiKeys({ parent, pageToken });
      yield* apiKeys;
      pageToken = nextPageToken;
    } while (pageToken !== '');
  }
}

async function* accountsOf(client: Client): AsyncGenerator<string> {
  let pageToken = '';
  do {
    const { serviceAccounts, nextPageToken } = await client.listServiceAccounts({ pageToken });
    for (const { name } of serviceAccounts) yield name;
    pageToken = nextPageToken;
  } while (pageToken !== '');
}

/** One key a line, with tabs between: name, scopes, end, last use, what it is for. */
function describe({ name, scopes, expireTime, lastUseTime, displayName }: ApiKey): string {
  const end = expireTime === undefined ? 'never ends' : `ends ${toText(expireTime)}`;
  const use = lastUseTime === undefined ? 'not used yet' : `used ${toText(lastUseTime)}`;
  return [name, scopes.length === 0 ? '*' : scopes.join(','), end, use, displayName].join('\t');
}

type Timestamp = NonNullable<ApiKey['expireTime']>;

function toText({ seconds }: Timestamp): string {
  return new Date(Number(seconds) * 1000).toISOString();
}

function toTimestamp(date: Date): Timestamp {
  return { seconds: BigInt(Math.floor(date.getTime() / 1000)), nanos: 0 };
}

const ACCOUNT = 'serviceAccounts/';

function toAccount(text: string): string {
  return text.startsWith(ACCOUNT) ? text : `${ACCOUNT}${text}`;
}

function toEnd(text: string): Date {
  const days = Number(text);
  if (!/^\d{1,4}$/.test(text) || days === 0)
    throw new InvalidArgumentError('must be a whole number of days, from 1 on');
  return new Date(Date.now() + days * DAY_MS);
}

function toKeyName(text: string): string {
  const [, account, key] = /^keelson_([^._]+)\.([^._]+)/.exec(text) ?? [];
  return account === undefined ? text : `${ACCOUNT}${account}/apiKeys/${key}`;
}
