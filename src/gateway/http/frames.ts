import { invalidRequest, ServiceError } from '../../rpc/errors.js';

/** A flag and a length of four bytes come before every message. */
export const FRAME_HEAD_BYTES = 5;

const COMPRESSED = 0x01;

/** Takes the one message out of the body of a request. Throws a ServiceError when there is not exactly one. */
export function readSingleMessage(body: Buffer): Buffer {
  if (body.length < FRAME_HEAD_BYTES) throw malformed();
  const flags = body.readUInt8(0);
  if (flags === COMPRESSED) {
    throw new ServiceError('METHOD_NOT_FOUND', 'Compression of the message is not supported, expected identity');
  }
  if (flags !== 0 || body.readUInt32BE(1) !== body.length - FRAME_HEAD_BYTES) throw malformed();
  return body.subarray(FRAME_HEAD_BYTES);
}

/** Frames a message of an answer. */
export function messageFrame(message: Uint8Array): Buffer {
  return frame(0, message);
}

/** Puts the head before a payload. */
export function frame(flags: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

function malformed(): ServiceError {
  return invalidRequest([{ field: '', description: 'Body is not one message in a frame' }]);
}
