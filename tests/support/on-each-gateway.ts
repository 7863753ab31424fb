import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createHttpGateway, DEFAULT_HTTP_LIMITS } from '../../src/gateway/http-server.js';
import { fixtureImage } from '../unit/gateway/fixture.js';
import { startGatewayProcess } from './gateway-process.js';
import type { RpcServer } from './rpc-server.js';

const START_MS_MAX = 30_000;

export const GATEWAYS = ['in the process of the server', 'in front of the server'] as const;
export type GatewayKind = (typeof GATEWAYS)[number];

/** A gateway and the calls that it makes. Whoever starts it closes it. */
export interface StartedGateway {
  readonly port: number;
  /** Its URL, without a slash at the end. */
  readonly base: string;
  /** The process that serves HTTP, where it is another one. */
  readonly pid: number | undefined;
  close(): Promise<void>;
}

export type Behind = Pick<RpcServer, 'address' | 'table' | 'dispatcher'>;

/** Defines the same tests for a gateway in the process of its server and for one in a process of its own before it. */
export function onEachGateway(define: (kind: GatewayKind) => void): void {
  for (const kind of GATEWAYS) {
    context(kind, function () {
      // A hook may have to start a process first, which takes a busy machine a while.
      this.timeout(Math.max(this.timeout(), START_MS_MAX));
      before(() => {
        current = kind;
      });
      after(() => {
        current = GATEWAYS[0];
      });
      define(kind);
    });
  }
}

let current: GatewayKind = GATEWAYS[0];

/** Where the gateways of the tests that run now stand. */
export function currentGateway(): GatewayKind {
  return current;
}

/** Starts a gateway of a kind before what makes the calls. The contracts are those of the fixtures. */
export async function startGatewayOf(
  kind: GatewayKind,
  { address, table, dispatcher }: Behind,
  { allowedOrigins = [ALLOWED_ORIGIN] }: { readonly allowedOrigins?: readonly string[] } = {},
): Promise<StartedGateway> {
  if (kind === 'in front of the server')
    return startApart({ address, table }, { KEELSON_CORS_ORIGINS: allowedOrigins.join(',') });
  const gateway = createHttpGateway({
    table,
    dispatcher,
    log: pino({ level: 'silent' }),
    isReady: () => true,
    serverInfo: { name: 'keelson', version: '0' },
    allowedOrigins,
    limits: DEFAULT_HTTP_LIMITS,
  });
  const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  return { port, base: `http://127.0.0.1:${port}`, pid: undefined, close: () => gateway.close(0) };
}

/** The one origin whose pages may call, where a test names no other. */
const ALLOWED_ORIGIN = 'https://app.example.com';

/** Starts `keelson gateway` before a server whose contracts are some of the fixtures. */
export async function startApart(
  { address, table }: Pick<Behind, 'address' | 'table'>,
  settings: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<StartedGateway> {
  const dir = await mkdtemp(join(tmpdir(), 'keelson-contracts-'));
  const descriptors = join(dir, 'contracts.binpb');
  await writeFile(descriptors, imageOf(table));
  const gateway = await startGatewayProcess({
    args: ['--upstream', address, '--descriptors', descriptors, ...args],
    settings: { KEELSON_LOG_LEVEL: 'silent', ...settings },
  });
  return {
    port: Number(new URL(gateway.http).port),
    base: gateway.http,
    pid: gateway.pid,
    async close() {
      await gateway.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The fixtures have more services than a table, some of which cannot be served. */
function imageOf({ methods }: Behind['table']): Uint8Array {
  const served = new Set([...methods.values()].map(({ descriptor }) => descriptor.parent.typeName));
  const set = fromBinary(FileDescriptorSetSchema, fixtureImage());
  for (const file of set.file) {
    file.service = file.service.filter(({ name }) => served.has(`${file.package}.${name}`));
  }
  return toBinary(FileDescriptorSetSchema, set);
}
