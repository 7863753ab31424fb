import { toStatusText } from '../../rpc/metadata.js';
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
    `grpc-message: ${toStatusText(status.message)}`,
    `grpc-status-details-bin: ${Buffer.from(status.toBytes()).toString('base64').replace(/=+$/, '')}`,
  ];
}
