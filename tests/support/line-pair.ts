import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Line, LineMessage } from '../../src/async/line.js';

/** A line within this process, which copies what it carries as one between processes does. */
export interface LinePair {
  readonly near: Line;
  readonly far: Line;
  close(): void;
}

export function createLinePair(): LinePair {
  const { port1, port2 } = new MessageChannel();
  return { near: lineOver(port1), far: lineOver(port2), close: () => port1.close() };
}

function lineOver(port: MessagePort): Line {
  return {
    send: (message) => port.postMessage(message),
    listen: (listener) => {
      const onMessage = (message: LineMessage) => listener(message);
      port.on('message', onMessage);
      return () => port.off('message', onMessage);
    },
  };
}
