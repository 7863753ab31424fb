import { ServiceError, type Reason } from './errors.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What strangers may send and hold. Each is a setting, and an error that comes of one names it. */
export interface Limits {
  /** The largest message, both ways. */
  readonly messageBytesMax: number;
  /** The metadata of a call, counted as HTTP/2 counts headers. */
  readonly metadataBytesMax: number;
  /** Calls that run at one moment, streams among them. */
  readonly callsMax: number;
  /** How late the process may be, in milliseconds, before it takes on fewer calls. */
  readonly latenessMsMax: number;
  readonly streamsPerConnectionMax: number;
  readonly connectionsMax: number;
  /** How long the request of a call that has only one may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How many times its size a compressed message may grow to. */
  readonly inflateRatioMax: number;
}

export const DEFAULT_LIMITS: Limits = {
  messageBytesMax: 4 * MIB,
  metadataBytesMax: 16 * KIB,
  callsMax: 10_000,
  latenessMsMax: 100,
  streamsPerConnectionMax: 250,
  connectionsMax: 10_000,
  requestTimeoutMs: 10_000,
  inflateRatioMax: 100,
};

/** The setting behind each limit. */
export const LIMIT_SETTINGS = {
  messageBytesMax: 'KEELSON_MESSAGE_BYTES_MAX',
  metadataBytesMax: 'KEELSON_METADATA_BYTES_MAX',
  callsMax: 'KEELSON_CALLS_MAX',
  latenessMsMax: 'KEELSON_LATENESS_MS_MAX',
  streamsPerConnectionMax: 'KEELSON_STREAMS_PER_CONNECTION_MAX',
  connectionsMax: 'KEELSON_CONNECTIONS_MAX',
  requestTimeoutMs: 'KEELSON_REQUEST_TIMEOUT_MS',
  inflateRatioMax: 'KEELSON_INFLATE_RATIO_MAX',
} as const satisfies Record<keyof Limits, string>;

/** The failure of a call that breaks a limit: names the setting that an operator may raise. */
export function limitError(
  limits: Limits,
  limit: keyof Limits,
  message: string,
  { reason = 'LIMIT_EXCEEDED', retryDelayMs }: { reason?: Reason; retryDelayMs?: number } = {},
): ServiceError {
  const setting = LIMIT_SETTINGS[limit];
  return new ServiceError(reason, `${message} (${setting}=${limits[limit]})`, {
    metadata: { limit: setting, max: String(limits[limit]) },
    ...(retryDelayMs !== undefined && { retryDelayMs }),
  });
}
