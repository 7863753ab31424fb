const KIB = 1024;
const MIB = 1024 * KIB;

/** What strangers may send and hold. Each is a setting, and an error that comes of one names it. */
export interface GrpcLimits {
  /** The largest message, both ways. */
  readonly messageBytesMax: number;
  /** The metadata of a call, counted as HTTP/2 counts headers. */
  readonly metadataBytesMax: number;
  readonly streamsPerConnectionMax: number;
  readonly connectionsMax: number;
  /** How long the request of a call that has only one may take to arrive. */
  readonly requestTimeoutMs: number;
  /** How many times its size a compressed message may grow to. */
  readonly inflateRatioMax: number;
}

export const DEFAULT_GRPC_LIMITS: GrpcLimits = {
  messageBytesMax: 4 * MIB,
  metadataBytesMax: 16 * KIB,
  streamsPerConnectionMax: 250,
  connectionsMax: 10_000,
  requestTimeoutMs: 10_000,
  inflateRatioMax: 100,
};

/** The setting behind each limit, for the errors that name it. */
export const LIMIT_SETTINGS = {
  messageBytesMax: 'KEELSON_MESSAGE_BYTES_MAX',
  metadataBytesMax: 'KEELSON_METADATA_BYTES_MAX',
  streamsPerConnectionMax: 'KEELSON_STREAMS_PER_CONNECTION_MAX',
  connectionsMax: 'KEELSON_CONNECTIONS_MAX',
  requestTimeoutMs: 'KEELSON_REQUEST_TIMEOUT_MS',
  inflateRatioMax: 'KEELSON_INFLATE_RATIO_MAX',
} as const satisfies Record<keyof GrpcLimits, string>;
