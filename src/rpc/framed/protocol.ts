/** What a connection of HTTP/2 begins with (RFC 9113, section 3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const FRAME_HEAD_BYTES = 9;
/** The largest frame that we take, and that every peer takes: SETTINGS_MAX_FRAME_SIZE at its default. */
export const FRAME_BYTES_MAX = 16_384;
/** The window of a new stream, and of a new connection, before anybody changes it (section 6.9.2). */
export const WINDOW_BYTES_DEFAULT = 65_535;
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;
/** The window that we give a new stream: so much of a request is held while nobody reads it. */
export const RECEIVE_WINDOW_BYTES = 16 * 1024;
/** The window of a stream whose request is being read. */
export const READ_WINDOW_BYTES = 64 * 1024;
/** A stream id, without the reserved bit. */
export const STREAM_ID_MAX = 2 ** 31 - 1;

/** Section 6. */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** Section 6.5.2. */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** Section 7. */
export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** The peer broke a rule, and the connection ends with it (section 5.4.1). The message is for the peer. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The peer broke a rule on one stream, which ends with it (section 5.4.2). */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly streamId: number;
  readonly code: ErrorCode;

  constructor(streamId: number, code: ErrorCode, message: string) {
    super(message);
    this.streamId = streamId;
    this.code = code;
  }
}

/** Throws {@link ConnectionError} unless a frame has the length that all of its type have. */
export function assertLength(name: string, length: number, expected: number): void {
  if (length === expected) return;
  throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${name} has ${length} bytes, expected ${expected}`);
}
