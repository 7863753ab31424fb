import { isIPv4, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { DEFAULT_HTTP_LIMITS, HTTP_LIMIT_SETTINGS, type OwnHttpLimits } from './gateway/http-limits.js';
import { DEFAULT_LIMITS, LIMIT_SETTINGS, type Limits } from './rpc/limits.js';
import type { ClientTlsFiles } from './rpc/client/tls-files.js';
import type { TlsFiles } from './rpc/tls.js';
import {
  maskAll,
  createSettingsReader,
  type EffectiveSetting,
  type Environment,
  type SettingsReader,
} from './settings.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const DEFAULT_CACHE_MIB = 64;
const CACHE_MIB_MAX = 65_536;
const DEFAULT_DRAIN_TIMEOUT_MS = 10_000;
const DEFAULT_SETTLE_MS = 1000;
/** What a stop may take beyond that and the drain timeout. */
const CLOSE_GRACE_MS = 5000;
const PORT_MAX = 65_535;
const WORKERS_MAX = 64;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const GRPC_TRANSPORTS = ['framed', 'http2', 'grpc-js'] as const;
const BUILTIN_SERVICES = ['health', 'reflection', 'channelz'] as const;

export const LISTENERS = ['grpc', 'http', 'admin'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];
export type GrpcTransport = (typeof GRPC_TRANSPORTS)[number];
export type BuiltinService = (typeof BUILTIN_SERVICES)[number];

export type Listener = (typeof LISTENERS)[number];

/** What is served over TLS, and with what. */
export interface TlsConfig extends TlsFiles {
  readonly listeners: ReadonlySet<Listener>;
  /** Those whose clients must show a certificate. */
  readonly clientListeners: ReadonlySet<Listener>;
}

/** Where a listener binds. Port 0 asks for any free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Every setting of a server. docs/configuration.md explains each. */
export interface Config {
  readonly grpcListen: ListenAddress;
  readonly httpListen: ListenAddress;
  /** What serves gRPC; docs/transports.md compares them. */
  readonly grpcTransport: GrpcTransport;
  /** The services that run here, by their areas. Undefined for all. */
  readonly services: ReadonlySet<string> | undefined;
  /** Where the others run, by their areas. */
  readonly peers: ReadonlyMap<string, string>;
  /** How they are called; in plaintext where it is undefined. */
  readonly peerTls: ClientTlsFiles | undefined;
  /** How many processes serve on the same ports. */
  readonly workers: number;
  /** Where metrics are shown. Undefined for nowhere. */
  readonly adminListen: ListenAddress | undefined;
  /** Whether the admin listener hands out profiles, which hold whatever is in memory. */
  readonly profiling: boolean;
  /** An absolute path. */
  readonly dataDir: string;
  /** A MongoDB connection string that names a database. Undefined for the embedded engine. May hold a password. */
  readonly storeUrl: string | undefined;
  /** Undefined where there is no Redis. May hold a password. */
  readonly redisUrl: string | undefined;
  /** 32 bytes in base64, from which the keys follow that tokens are signed with. Undefined to have one made. */
  readonly masterKey: string | undefined;
  /** Who issues access tokens: the URL under which browsers and verifiers reach the shim. */
  readonly issuer: string;
  /** What the cache of this process may take in memory. */
  readonly cacheBytesMax: number;
  /** The services that answer without a token. */
  readonly publicServices: ReadonlySet<BuiltinService>;
  /** The origins whose pages may call the shim; `*` for any. */
  readonly corsOrigins: readonly string[];
  readonly logLevel: LogLevel;
  /** How long calls are still taken at a stop, after health has said NOT_SERVING: what spreads them must notice it. */
  readonly settleMs: number;
  /** How long running calls may take to end at a stop. */
  readonly drainTimeoutMs: number;
  readonly limits: Limits;
  /** What HTTP has beside them. */
  readonly httpLimits: OwnHttpLimits;
  /** Undefined where nothing is served over TLS. */
  readonly tls: TlsConfig | undefined;
  /** Where traces go over OTLP/HTTP: the base URL of a collector. Undefined for nowhere. May hold a password. */
  readonly otlpEndpoint: string | undefined;
  /** Which part of the traces that begin here is recorded, from 0 to 1. */
  readonly traceRatio: number;
}

/** The settings are wrong; the message has one sentence per mistake. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads and checks all settings. This is the only file that knows the environment; all mistakes are told at once. */
export function readConfig(env: Environment): Config {
  return readSettings(env).config;
}

/** Gives what is in effect, setting by setting, with secrets masked; throws as {@link readConfig} does. */
export function readEffectiveSettings(env: Environment): readonly EffectiveSetting[] {
  return readSettings(env).effective;
}

function readSettings(env: Environment): { config: Config; effective: readonly EffectiveSetting[] } {
  const { read, readSecret, mistakes, effective } = createSettingsReader(env);
  const grpcListen = read('KEELSON_GRPC_LISTEN', '127.0.0.1:50051', parseListen);
  const config: Config = {
    grpcListen,
    httpListen: read('KEELSON_HTTP_LISTEN', '127.0.0.1:8080', parseListen),
    grpcTransport: read('KEELSON_GRPC_TRANSPORT', 'framed', (value) => oneOf(GRPC_TRANSPORTS, value)),
    services: read('KEELSON_SERVICES', 'all', parseServices),
    peers: read('KEELSON_PEERS', '', parsePeers),
    peerTls: readPeerTls(read, mistakes),
    workers: read('KEELSON_WORKERS', '1', parseWorkers),
    adminListen: read('KEELSON_ADMIN_LISTEN', '', (value) => (value === '' ? undefined : parseListen(value))),
    profiling: read('KEELSON_PROFILING', 'false', parseBoolean),
    dataDir: read('KEELSON_DATA_DIR', '.keelson', (value) => resolve(value)),
    storeUrl: readSecret('KEELSON_STORE_URL', parseStoreUrl),
    redisUrl: readSecret('KEELSON_REDIS_URL', parseRedisUrl),
    masterKey: readSecret('KEELSON_MASTER_KEY', parseMasterKey, maskAll),
    issuer: read('KEELSON_ISSUER', 'http://127.0.0.1:8080', parseHttpUrl),
    cacheBytesMax: read('KEELSON_CACHE_MIB', String(DEFAULT_CACHE_MIB), parseMebibytes) * MIB,
    publicServices: read('KEELSON_PUBLIC_SERVICES', publicByDefault(grpcListen), parseBuiltinServices),
    corsOrigins: read('KEELSON_CORS_ORIGINS', 'none', parseOrigins),
    logLevel: read('KEELSON_LOG_LEVEL', 'info', (value) => oneOf(LOG_LEVELS, value)),
    settleMs: read('KEELSON_SETTLE_MS', String(DEFAULT_SETTLE_MS), parseMilliseconds),
    drainTimeoutMs: read('KEELSON_DRAIN_TIMEOUT_MS', String(DEFAULT_DRAIN_TIMEOUT_MS), parseMilliseconds),
    limits: readLimits(read, LIMIT_SETTINGS, DEFAULT_LIMITS),
    httpLimits: readLimits(read, HTTP_LIMIT_SETTINGS, DEFAULT_HTTP_LIMITS),
    tls: readTls(read, mistakes),
    otlpEndpoint: readSecret('KEELSON_OTLP_ENDPOINT', parseHttpUrl) ?? readSecret(OTEL_ENDPOINT, parseHttpUrl),
    traceRatio: read('KEELSON_TRACE_RATIO', '1', parseRatio),
  };
  const allowPlaintext = read('KEELSON_ALLOW_PLAINTEXT', 'false', parseBoolean);
  if (!allowPlaintext) mistakes.push(...plaintextMistakes(config));
  if (config.services !== undefined && config.storeUrl === undefined) {
    mistakes.push('KEELSON_SERVICES: services in processes of their own share a database; set KEELSON_STORE_URL');
  }
  mistakes.push(...unknownSettings(env));
  if (mistakes.length > 0) throw new ConfigError(mistakes.join('\n'));
  return { config: Object.freeze(config), effective };
}

/** Names every setting, so that a misspelt one is told and not passed over. */
export const SETTINGS = [
  'KEELSON_GRPC_LISTEN',
  'KEELSON_HTTP_LISTEN',
  'KEELSON_GRPC_TRANSPORT',
  'KEELSON_SERVICES',
  'KEELSON_PEERS',
  'KEELSON_PEER_TLS',
  'KEELSON_PEER_CA_FILE',
  'KEELSON_PEER_CERT_FILE',
  'KEELSON_PEER_KEY_FILE',
  'KEELSON_WORKERS',
  'KEELSON_ADMIN_LISTEN',
  'KEELSON_PROFILING',
  'KEELSON_DATA_DIR',
  'KEELSON_STORE_URL',
  'KEELSON_REDIS_URL',
  'KEELSON_MASTER_KEY',
  'KEELSON_ISSUER',
  'KEELSON_CACHE_MIB',
  'KEELSON_PUBLIC_SERVICES',
  'KEELSON_CORS_ORIGINS',
  'KEELSON_LOG_LEVEL',
  'KEELSON_SETTLE_MS',
  'KEELSON_DRAIN_TIMEOUT_MS',
  'KEELSON_ALLOW_PLAINTEXT',
  'KEELSON_TLS_CERT_FILE',
  'KEELSON_TLS_KEY_FILE',
  'KEELSON_TLS_CLIENT_CA_FILE',
  'KEELSON_TLS_LISTENERS',
  'KEELSON_TLS_CLIENT_LISTENERS',
  'KEELSON_OTLP_ENDPOINT',
  'KEELSON_TRACE_RATIO',
  ...Object.values(LIMIT_SETTINGS),
  ...Object.values(HTTP_LIMIT_SETTINGS),
] as const;

/** What every program that speaks OpenTelemetry reads; counts where our own setting says nothing. */
const OTEL_ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';

/** Read by client commands and by tests, and harmless beside a server. */
const OTHER_SETTINGS = /^KEELSON_(ADDRESS|TOKEN|CA_FILE|CERT_FILE|KEY_FILE|TEST_.*|BREAKING_.*)$/;

function unknownSettings(env: Environment): string[] {
  const known: readonly string[] = SETTINGS;
  return Object.keys(env)
    .filter((name) => name.startsWith('KEELSON_') && !known.includes(name) && !OTHER_SETTINGS.test(name))
    .map((name) => `${name}: there is no such setting`);
}

function plaintextMistakes({ grpcListen, httpListen, adminListen, tls }: Config): string[] {
  const listeners = [
    ['KEELSON_GRPC_LISTEN', grpcListen, 'grpc'],
    ['KEELSON_HTTP_LISTEN', httpListen, 'http'],
    ['KEELSON_ADMIN_LISTEN', adminListen, 'admin'],
  ] as const;
  return listeners
    .flatMap(([name, address, listener]) => (address && !tls?.listeners.has(listener) ? [{ name, address }] : []))
    .filter(({ address }) => !isLoopback(address.host))
    .map(
      ({ name, address }) =>
        `${name}="${formatAddress(address)}": can be reached from other machines and has no TLS; ` +
        'set KEELSON_ALLOW_PLAINTEXT=true if a proxy or a mesh in front of it encrypts',
    );
}

/** How long a stop may take before the process ends without having closed everything. */
export function stopMsMax({ drainTimeoutMs, settleMs }: Pick<Config, 'drainTimeoutMs' | 'settleMs'>): number {
  return settleMs + drainTimeoutMs + CLOSE_GRACE_MS;
}

/** Writes `host:port`, with an IPv6 host in brackets. */
export function formatAddress({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Channelz tells who is connected: only those on the same machine may see it unasked. */
function publicByDefault({ host }: ListenAddress): string {
  return isLoopback(host) ? 'health,reflection,channelz' : 'health,reflection';
}

function parseListen(value: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > PORT_MAX) throw new Error('must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:0');
  return { host, port };
}

function parseStoreUrl(value: string): string {
  // A replica set has several hosts, which URL does not take.
  const form = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^/?]+)(?:\?.*)?$/;
  if (!form.test(value)) throw new Error('must be mongodb://HOST:PORT/DATABASE, with the name of a database');
  return value;
}

function parseRedisUrl(value: string): string {
  if (!URL.canParse(value) || !/^rediss?:\/\//.test(value)) throw new Error('must be redis://HOST:PORT');
  return value;
}

function parseBuiltinServices(value: string): ReadonlySet<BuiltinService> {
  if (value === 'none') return new Set();
  return new Set(value.split(',').map((name) => oneOf(BUILTIN_SERVICES, name.trim())));
}

function parseOrigins(value: string): readonly string[] {
  if (value === 'none') return [];
  return value.split(',').map((text) => {
    const origin = text.trim();
    // An origin is written as browsers send it: no path, no trailing slash.
    if (origin !== '*' && (!URL.canParse(origin) || new URL(origin).origin !== origin)) {
      throw new Error(`"${origin}" is no origin: write https://app.example.com, or * for any`);
    }
    return origin;
  });
}

function parseMebibytes(value: string): number {
  const mebibytes = Number(value);
  if (!/^\d{1,5}$/.test(value) || mebibytes < 1 || mebibytes > CACHE_MIB_MAX) {
    throw new Error(`must be a whole number of mebibytes from 1 to ${CACHE_MIB_MAX}`);
  }
  return mebibytes;
}

function parseHttpUrl(value: string): string {
  if (!URL.canParse(value) || !/^https?:\/\//.test(value)) throw new Error('must be http://HOST:PORT or https://');
  return value.replace(/\/$/, '');
}

const MASTER_KEY_BYTES = 32;

function parseMasterKey(value: string): string {
  const isKey = /^[A-Za-z0-9+/]{43}=$/.test(value) && Buffer.from(value, 'base64').length === MASTER_KEY_BYTES;
  if (!isKey) throw new Error(`must be ${MASTER_KEY_BYTES} bytes in base64`);
  return value;
}

function parseRatio(value: string): number {
  const ratio = Number(value);
  if (!/^\d*\.?\d+$/.test(value) || ratio > 1) throw new Error('must be a number from 0 to 1');
  return ratio;
}

function parseServices(value: string): ReadonlySet<string> | undefined {
  if (value === 'all') return undefined;
  return new Set(value === 'none' ? [] : value.split(',').map((name) => name.trim()));
}

function parsePeers(value: string): ReadonlyMap<string, string> {
  const peers = new Map<string, string>();
  for (const pair of value === '' ? [] : value.split(',')) {
    const [, name, address] = /^\s*([a-z][a-z0-9_]*)=(\S+:\d+)\s*$/.exec(pair) ?? [];
    if (name === undefined || address === undefined) throw new Error('must be NAME=HOST:PORT, separated by commas');
    peers.set(name, address);
  }
  return peers;
}

function parseWorkers(value: string): number {
  if (!/^[1-9]\d?$/.test(value) || Number(value) > WORKERS_MAX) {
    throw new Error(`must be a whole number from 1 to ${WORKERS_MAX}`);
  }
  return Number(value);
}

function parseMilliseconds(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new Error('must be a whole number of milliseconds');
  return Number(value);
}

function readTls(read: SettingsReader['read'], mistakes: string[]): TlsConfig | undefined {
  const readFile = (name: string) => read(name, '', (value) => value && resolve(value));
  const certFile = readFile('KEELSON_TLS_CERT_FILE');
  const keyFile = readFile('KEELSON_TLS_KEY_FILE');
  const clientCaFile = readFile('KEELSON_TLS_CLIENT_CA_FILE') || undefined;
  const listeners = read('KEELSON_TLS_LISTENERS', 'grpc,http', parseListeners);
  const clientListeners = read('KEELSON_TLS_CLIENT_LISTENERS', 'grpc', parseListeners);
  if (certFile !== '' && keyFile !== '') return { certFile, keyFile, clientCaFile, listeners, clientListeners };
  if (certFile !== '' || keyFile !== '' || clientCaFile !== undefined) {
    mistakes.push('KEELSON_TLS_CERT_FILE and KEELSON_TLS_KEY_FILE: one is of no use without the other');
  }
  return undefined;
}

/** A file that is named means TLS, whatever the switch says: nobody names one for plaintext. */
function readPeerTls(read: SettingsReader['read'], mistakes: string[]): ClientTlsFiles | undefined {
  const readFile = (name: string) => read(name, '', (value) => value && resolve(value)) || undefined;
  const isOn = read('KEELSON_PEER_TLS', 'false', parseBoolean);
  const caFile = readFile('KEELSON_PEER_CA_FILE');
  const certFile = readFile('KEELSON_PEER_CERT_FILE');
  const keyFile = readFile('KEELSON_PEER_KEY_FILE');
  if ((certFile === undefined) !== (keyFile === undefined)) {
    mistakes.push('KEELSON_PEER_CERT_FILE and KEELSON_PEER_KEY_FILE: one is of no use without the other');
  }
  if (!isOn && caFile === undefined && certFile === undefined) return undefined;
  return { ...(caFile && { caFile }), ...(certFile && keyFile && { certFile, keyFile }) };
}

function parseListeners(value: string): ReadonlySet<Listener> {
  if (value === 'none') return new Set();
  return new Set(value.split(',').map((name) => oneOf(LISTENERS, name.trim())));
}

function readLimits<K extends string>(
  read: SettingsReader['read'],
  settings: Readonly<Record<K, string>>,
  defaults: Readonly<Record<NoInfer<K>, number>>,
): Readonly<Record<K, number>> {
  const entries = (Object.keys(settings) as K[]).map(
    (limit) => [limit, read(settings[limit], String(defaults[limit]), parseLimit)] as const,
  );
  return Object.freeze(Object.fromEntries(entries) as Record<K, number>);
}

function parseLimit(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error('must be a whole number from 1 to 999999999');
  return Number(value);
}

function parseBoolean(value: string): boolean {
  return oneOf(['true', 'false'] as const, value) === 'true';
}

function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`must be one of ${allowed.join(', ')}`);
  return found;
}
