import { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { MessageCodec } from './service.js';

/** A writer that has held more than this is not kept, for it keeps the room that it took. */
const KEPT_BYTES_MAX = 64 * 1024;

/** Encodes a message. Nobody else has the bytes that it gives. */
export type EncodeMessage = <T>(codec: MessageCodec<T>, message: T) => Uint8Array;

/** Makes an encoder that uses one writer over and over: to make one costs more than to encode a small message. */
export function createMessageEncoder(): EncodeMessage {
  let idle: BinaryWriter | undefined;
  return (codec, message) => {
    const writer = idle ?? new BinaryWriter();
    // One that is in use, or has thrown, is nobody else's.
    idle = undefined;
    const bytes = codec.encode(message, writer).finish();
    if (bytes.byteLength <= KEPT_BYTES_MAX) idle = writer;
    return bytes;
  };
}
