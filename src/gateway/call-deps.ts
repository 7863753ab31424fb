import type { FileRegistry } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import type { LazyDispatcher } from '../rpc/call.js';

/** What a protocol needs to make calls. */
export interface CallDeps {
  readonly registry: FileRegistry;
  readonly dispatcher: LazyDispatcher;
  readonly log: Logger;
  readonly bodyBytesMax: number;
  readonly streamTimes: StreamTimes;
}

/** How a stream keeps time. */
export interface StreamTimes {
  /**
   * How long the answer is held back for the first message, so that a call that fails at once has its true status. A
   * stream that is only quiet begins then, for a browser that waits for its first event must see that it is connected.
   */
  readonly firstMessageWaitMs: number;
  /** Shorter than the minute after which many proxies cut a connection that is silent. */
  readonly heartbeatMs: number;
  /** How long a client that has stopped reading keeps the connection of a call that has failed. */
  readonly stalledMaxMs: number;
}
