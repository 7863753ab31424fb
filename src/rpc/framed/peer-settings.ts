import type { Frame } from './frame-reader.js';
import { ConnectionError, ErrorCode, Flag, FRAME_BYTES_MAX, Setting, WINDOW_BYTES_MAX } from './protocol.js';

const SETTING_BYTES = 6;
const FRAME_BYTES_LIMIT = 2 ** 24 - 1;

/** The settings of a peer that matter to a server which pushes nothing and sends frames of the smallest maximum. */
export interface PeerSettings {
  readonly headerTableBytes: number | undefined;
  readonly streamWindow: number | undefined;
}

/** Reads a SETTINGS frame (RFC 9113, section 6.5). Undefined for an acknowledgement. Throws {@link ConnectionError}. */
export function readSettings({ bytes, start, end, flags, streamId }: Frame): PeerSettings | undefined {
  if (streamId !== 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'SETTINGS belong to no stream');
  const isAck = (flags & Flag.ACK) !== 0;
  if ((end - start) % SETTING_BYTES !== 0 || (isAck && end > start)) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS have a wrong length');
  }
  if (isAck) return undefined;
  let headerTableBytes: number | undefined;
  let streamWindow: number | undefined;
  for (let at = start; at < end; at += SETTING_BYTES) {
    const setting = bytes.readUInt16BE(at);
    const value = bytes.readUInt32BE(at + 2);
    assertSetting(setting, value);
    // The smallest size between two blocks is what counts (RFC 7541, section 4.2).
    if (setting === Setting.HEADER_TABLE_SIZE) headerTableBytes = Math.min(headerTableBytes ?? value, value);
    if (setting === Setting.INITIAL_WINDOW_SIZE) streamWindow = value;
  }
  return { headerTableBytes, streamWindow };
}

/** Section 6.5.2. A setting that is not known is ignored. */
function assertSetting(setting: number, value: number): void {
  if (setting === Setting.ENABLE_PUSH && value > 1) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'SETTINGS_ENABLE_PUSH is neither 0 nor 1');
  }
  if (setting === Setting.INITIAL_WINDOW_SIZE && value > WINDOW_BYTES_MAX) {
    throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'SETTINGS_INITIAL_WINDOW_SIZE is too large');
  }
  if (setting === Setting.MAX_FRAME_SIZE && (value < FRAME_BYTES_MAX || value > FRAME_BYTES_LIMIT)) {
    throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'SETTINGS_MAX_FRAME_SIZE is out of its range');
  }
}
