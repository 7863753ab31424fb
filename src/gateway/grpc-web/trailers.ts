import type { StatusError } from '../../rpc/status.js';
import type { CallMetadata } from '../../rpc/metadata.js';
import { frame } from '../http/frames.js';
import { toTrailerValues } from '../http/rpc-metadata.js';

const TRAILERS = 0x80;

/** Frames the end of an answer, which gRPC-Web writes into the body. Undefined stands for a good end. */
export function trailerFrame(status: StatusError | undefined, trailers: CallMetadata): Buffer {
  const metadata = Object.entries(toTrailerValues(trailers)).flatMap(([key, values]) =>
    values.map((value) => `${key}: ${value}`),
  );
  const lines = [...(status === undefined ? ['grpc-status: 0'] : failureLines(status)), ...metadata];
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
