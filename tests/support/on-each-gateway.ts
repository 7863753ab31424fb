import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { DEFAULT_HTTP_LIMITS, HTTP_LIMIT_SETTINGS, type OwnHttpLimits } from '../../src/gateway/http-limits.js';
import { createHttpGateway } from '../../src/gateway/http-server.js';
import { readVersion } from '../../src/package-files.js';
import { fixtureImage } from '../unit/gateway/fixture.js';
import { startGatewayProcess } from './gateway-process.js';
import type { RpcServer } from './rpc-server.js';

const START_MS_MAX = 30_000;
const STOP_MS_MAX = 1000;

export const GATEWAYS = ['in the process of the server', 'in front of the server'] as const;
export type GatewayKind = (typeof GATEWAYS)[number];

/** A gateway and the calls that it makes. Whoever starts it closes it. */
export interface StartedGateway {
  readonly port: number;
  /** Its URL, without a slash at the end. */
  readonly base: string;
  /** The process that serves HTTP, where it is another one. */
  readonly pid: number | undefined;
  /** What it has logged so far. */
  readonly logLines: readonly Record<string, unknown>[];
  /** Ends it as an operator does, and resolves when it has ended. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface Behind extends Pick<RpcServer, 'address' | 'table' | 'dispatcher'> {
  /** The contracts, as a google.protobuf.FileDescriptorSet. The fixtures where it is left out. */
  readonly image?: Uint8Array;
}

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

/** Starts a gateway of a kind before what makes the calls. */
export async function startGatewayOf(
  kind: GatewayKind,
  behind: Behind,
  { allowedOrigins = [ALLOWED_ORIGIN], bodyBytesMax, ...own }: GatewayOptions = {},
): Promise<StartedGateway> {
  if (kind === 'in front of the server') {
    return startApart(behind, {
      KEELSON_CORS_ORIGINS: allowedOrigins.join(','),
      ...(bodyBytesMax !== undefined && { KEELSON_MESSAGE_BYTES_MAX: String(bodyBytesMax) }),
      ...toSettings(own),
    });
  }
  const logLines: Record<string, unknown>[] = [];
  const gateway = createHttpGateway({
    table: behind.table,
    dispatcher: behind.dispatcher,
    log: pino({ level: 'info' }, { write: (line) => logLines.push(JSON.parse(line) as Record<string, unknown>) }),
    isReady: () => true,
    serverInfo: { name: 'keelson', version: await readVersion() },
    allowedOrigins,
    limits: { ...DEFAULT_HTTP_LIMITS, ...own, ...(bodyBytesMax !== undefined && { bodyBytesMax }) },
  });
  const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  return {
    port,
    base: `http://127.0.0.1:${port}`,
    pid: undefined,
    logLines,
    stop: () => gateway.close(STOP_MS_MAX),
    close: () => gateway.close(0),
  };
}

/** What a test wants of a gateway. */
export interface GatewayOptions extends Partial<OwnHttpLimits> {
  readonly allowedOrigins?: readonly string[];
  readonly bodyBytesMax?: number;
}

/** Writes limits as the settings of a process. */
export function toSettings(limits: Partial<OwnHttpLimits>): Record<string, string> {
  const names = Object.keys(limits) as (keyof OwnHttpLimits)[];
  return Object.fromEntries(names.map((name) => [HTTP_LIMIT_SETTINGS[name], String(limits[name])]));
}

/** The one origin whose pages may call, where a test names no other. */
const ALLOWED_ORIGIN = 'https://app.example.com';

/** Starts `keelson gateway` before a server, with the contracts that it serves. */
export async function startApart(
  { address, table, image = fixtureImage() }: Omit<Behind, 'dispatcher'>,
  settings: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<StartedGateway> {
  const dir = await mkdtemp(join(tmpdir(), 'keelson-contracts-'));
  const descriptors = join(dir, 'contracts.binpb');
  await writeFile(descriptors, servedPart(image, table));
  const gateway = await startGatewayProcess({
    args: ['--upstream', address, '--descriptors', descriptors, ...args],
    settings: { KEELSON_DRAIN_TIMEOUT_MS: String(STOP_MS_MAX), ...settings },
  });
  return {
    port: Number(new URL(gateway.http).port),
    base: gateway.http,
    pid: gateway.pid,
    logLines: gateway.logLines,
    stop: () => gateway.stop(),
    async close() {
      await gateway.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Contracts may have more services than a table, some of which cannot be served. */
function servedPart(image: Uint8Array, { methods }: Behind['table']): Uint8Array {
  const served = new Set([...methods.values()].map(({ descriptor }) => descriptor.parent.typeName));
  const set = fromBinary(FileDescriptorSetSchema, image);
  for (const file of set.file) {
    file.service = file.service.filter(({ name }) => served.has(`${file.package}.${name}`));
  }
  return toBinary(FileDescriptorSetSchema, set);
}
