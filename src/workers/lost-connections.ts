import type { ChildProcess, Serializable, SendHandle } from 'node:child_process';

/** What `node:cluster` says to itself when it hands a connection to a worker. */
interface HandOver {
  readonly cmd: 'NODE_CLUSTER';
  readonly act: 'newconn';
  readonly seq: number;
}

/**
 * Gives connections that were handed to a worker that died before it took them to another one. `node:cluster` would
 * leave them open with nobody at the other end, and the clients of a worker that dies come back at that very moment. The
 * worker is made to say what one says that does not take a connection; where Node's own words are others, nothing changes.
 */
export function saveConnections(worker: ChildProcess): void {
  const untaken = new Set<number>();
  const send = worker.send.bind(worker) as (message: Serializable, ...rest: readonly unknown[]) => boolean;
  const watchedSend = (message: Serializable, handle?: SendHandle, ...rest: readonly unknown[]): boolean => {
    if (isHandOver(message)) untaken.add(message.seq);
    return send(message, handle, ...rest);
  };
  worker.send = watchedSend as ChildProcess['send'];
  worker.on('internalMessage', (message: { readonly ack?: number } | undefined) => {
    if (message?.ack !== undefined) untaken.delete(message.ack);
  });
  worker.once('exit', () => {
    // After cluster's own listener, which strikes the worker off the list of those that take connections.
    setImmediate(() => {
      for (const ack of untaken) worker.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack, accepted: false });
    });
  });
}

function isHandOver(message: unknown): message is HandOver {
  return (
    typeof message === 'object' &&
    message !== null &&
    'cmd' in message &&
    message.cmd === 'NODE_CLUSTER' &&
    'act' in message &&
    message.act === 'newconn'
  );
}
