import type { ChildProcess } from 'node:child_process';
import type { Line, LineMessage } from '../async/line.js';

/** The line from a supervisor to one of its workers. What is sent to a worker that has gone is lost. */
export function lineToWorker(worker: ChildProcess): Line {
  return {
    send: (message) => {
      if (worker.connected) worker.send(message, () => undefined);
    },
    listen: (listener) => {
      const onMessage = (message: unknown) => {
        if (isLineMessage(message)) listener(message);
      };
      worker.on('message', onMessage);
      return () => worker.off('message', onMessage);
    },
  };
}

/** The line from a worker, which this process is, to its supervisor. */
export function lineToSupervisor(): Line {
  return {
    send: (message) => {
      if (process.connected) process.send?.(message, undefined, {}, () => undefined);
    },
    listen: (listener) => {
      const onMessage = (message: unknown) => {
        if (isLineMessage(message)) listener(message);
      };
      process.on('message', onMessage);
      return () => process.off('message', onMessage);
    },
  };
}

/** Node and packages send messages of their own on the same pipe. */
function isLineMessage(message: unknown): message is LineMessage {
  return typeof message === 'object' && message !== null && 'channel' in message && typeof message.channel === 'string';
}
