import { Metadata, type Deadline, type StatusObject } from '@grpc/grpc-js';
import type { IncomingCall } from '../call.js';
import { CallMetadata, isSendableKey, toHeaderText } from '../metadata.js';
import type { StatusError } from '../status.js';

const STATUS_DETAILS_KEY = 'grpc-status-details-bin';
/** What RetryInfo says, said to the retry policies of every gRPC library. */
const PUSHBACK_KEY = 'grpc-retry-pushback-ms';

/** Copies what arrived with a call. grpc-js has lower-cased the keys and decoded the `-bin` values. */
export function fromGrpcMetadata(source: Metadata): CallMetadata {
  const target = new CallMetadata();
  for (const key of Object.keys(source.getMap())) {
    for (const value of source.get(key)) {
      if (typeof value === 'string') target.add(key, value);
      else target.addBinary(key, value);
    }
  }
  return target;
}

export function toGrpcMetadata(source: CallMetadata): Metadata {
  const target = new Metadata();
  // grpc-js throws at what no header can hold, and the call would never be answered.
  for (const [key, value] of source.entries()) {
    if (isSendableKey(key) && !key.endsWith('-bin')) target.add(key, toHeaderText(value));
  }
  for (const [key, value] of source.binaryEntries()) {
    if (isSendableKey(key) && key.endsWith('-bin')) target.add(key, Buffer.from(value));
  }
  return target;
}

type Response = Pick<IncomingCall, 'responseMetadata' | 'responseTrailers'>;

/** Makes what goes behind an answer. */
export function toGrpcTrailers({ responseTrailers }: Response): Metadata {
  return responseTrailers === undefined ? new Metadata() : toGrpcMetadata(responseTrailers);
}

/**
 * Makes the status that ends a failed call, with google.rpc.Status beside it, as rich-error clients expect. Where no
 * headers have been sent, their metadata goes with it.
 */
export function toGrpcStatus(
  error: StatusError,
  response: Response,
  { headersSent = false }: { headersSent?: boolean } = {},
): StatusObject {
  const metadata = toGrpcTrailers(response);
  if (!headersSent) metadata.merge(toGrpcMetadata(response.responseMetadata));
  metadata.set(STATUS_DETAILS_KEY, Buffer.from(error.toBytes()));
  if (error.retryDelayMs !== undefined) metadata.set(PUSHBACK_KEY, String(Math.ceil(error.retryDelayMs)));
  return { code: error.code, details: error.message, metadata };
}

/** Gives the time until a grpc-js deadline in milliseconds, or undefined when the caller has set none. */
export function untilDeadlineMs(deadline: Deadline): number | undefined {
  const atMs = deadline instanceof Date ? deadline.getTime() : deadline;
  return atMs === Infinity ? undefined : Math.max(0, atMs - Date.now());
}
