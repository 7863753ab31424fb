import type { Frame } from './frame-reader.js';
import { ConnectionError, ErrorCode, Flag } from './protocol.js';

/** Gives where the content of a frame begins and ends that may be padded (RFC 9113, sections 6.1 and 6.2). */
export function withoutPadding({ bytes, start, end, flags }: Frame): { start: number; end: number } {
  if ((flags & Flag.PADDED) === 0) return { start, end };
  if (start === end) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'Frame has no room for its padding');
  const padding = bytes[start] ?? 0;
  if (start + 1 + padding > end) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'Padding is as long as its frame');
  return { start: start + 1, end: end - padding };
}
