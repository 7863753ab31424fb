import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import type { StatusError } from '../../rpc/status.js';

/** A flag and a length of four bytes come before every message. */
export const FRAME_HEAD_BYTES = 5;

const COMPRESSED = 0x01;
const TRAILERS = 0x80;

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

/** Frames the end of an answer, which gRPC-Web writes into the body. Undefined stands for a good end. */
export function trailerFrame(status: StatusError | undefined): Buffer {
  const lines = status === undefined ? ['grpc-status: 0'] : failureLines(status);
  return frame(TRAILERS, Buffer.from(`${lines.join('\r\n')}\r\n`));
}

function failureLines(status: StatusError): string[] {
  return [
    `grpc-status: ${status.code}`,
    `grpc-message: ${percentEncode(status.message)}`,
    `grpc-status-details-bin: ${Buffer.from(status.toBytes()).toString('base64').replace(/=+$/, '')}`,
  ];
}

/** gRPC's encoding of a status message: everything but printable ASCII, and the percent sign itself. */
function percentEncode(text: string): string {
  const bytes = Array.from(Buffer.from(text));
  const isPlain = (byte: number) => byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
  return bytes
    .map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`))
    .join('');
}

function frame(flags: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

function malformed(): ServiceError {
  return invalidRequest([{ field: '', description: 'Body is not one message in a frame of gRPC-Web' }]);
}
