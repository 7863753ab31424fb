import type { ServerResponse } from 'node:http';
import type { IncomingCall } from '../../rpc/call.js';

/**
 * Makes what a call of a stream does at its end: where that is a failure and the client has stopped reading, so that it
 * cannot be told, its connection is cut after a while.
 */
export function cutWhenStalled(response: ServerResponse, stalledMaxMs: number): NonNullable<IncomingCall['onEnd']> {
  return (status) => {
    if (status === undefined || response.destroyed || !response.headersSent) return;
    const timer = setTimeout(() => response.destroy(), stalledMaxMs).unref();
    response.once('close', () => clearTimeout(timer));
  };
}
