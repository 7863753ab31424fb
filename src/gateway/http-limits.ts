import type { StreamTimes } from './call-deps.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const MS_PER_SECOND = 1000;

/** What one client may send and hold, and how long it may take for it. */
export interface HttpLimits extends StreamTimes {
  readonly bodyBytesMax: number;
  readonly headerBytesMax: number;
  /** WebSockets that are open at one moment. */
  readonly webSocketsMax: number;
  /**
   * How long the head of a request may take to arrive, and then its body; a stream of requests, how long it may be silent
   * while it is waited for.
   */
  readonly requestTimeoutMs: number;
  /** How long a connection may stay open with nothing on it. */
  readonly idleTimeoutMs: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  bodyBytesMax: 4 * MIB,
  headerBytesMax: 16 * KIB,
  webSocketsMax: 1000,
  requestTimeoutMs: 60 * MS_PER_SECOND,
  idleTimeoutMs: 72 * MS_PER_SECOND,
  firstMessageWaitMs: 1000,
  heartbeatMs: 15 * MS_PER_SECOND,
  stalledMaxMs: 5000,
};

/** The setting behind each limit that HTTP has for itself, in the process of a server and in one before it. */
export const HTTP_LIMIT_SETTINGS = {
  webSocketsMax: 'KEELSON_WEB_SOCKETS_MAX',
  requestTimeoutMs: 'KEELSON_HTTP_REQUEST_TIMEOUT_MS',
  idleTimeoutMs: 'KEELSON_HTTP_IDLE_TIMEOUT_MS',
  firstMessageWaitMs: 'KEELSON_HTTP_FIRST_MESSAGE_WAIT_MS',
  heartbeatMs: 'KEELSON_HTTP_HEARTBEAT_MS',
  stalledMaxMs: 'KEELSON_HTTP_STALLED_MS_MAX',
} as const satisfies Partial<Record<keyof HttpLimits, string>>;

/** The limits that are settings of their own. */
export type OwnHttpLimits = Pick<HttpLimits, keyof typeof HTTP_LIMIT_SETTINGS>;
