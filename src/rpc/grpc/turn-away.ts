import type { OutgoingHttpHeaders } from 'node:http2';
import type { StatusError } from '../status.js';
import type { CallStream } from './call-stream.js';
import { writeStatus } from './headers.js';

/** The header blocks of statuses that many calls are turned away with. */
const blocks = new WeakMap<StatusError, OutgoingHttpHeaders>();

/** Answers a call that is turned away, for as little as can be. */
export function turnAway(stream: Pick<CallStream, 'endWithStatus'>, status: StatusError): void {
  let block = blocks.get(status);
  if (block === undefined) {
    block = writeStatus(status);
    blocks.set(status, block);
  }
  stream.endWithStatus(block);
}
