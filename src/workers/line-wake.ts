import type { Line, LineMessage } from '../async/line.js';
import type { Wake } from '../ledger/surroundings.js';

const WAKE_CHANNEL = 'wake';

/** Tells the other workers of a supervisor that there is something new. */
export function createLineWake(line: Line): Wake {
  return {
    announce: (revision) => line.send({ channel: WAKE_CHANNEL, revision }),
    listen: (listener) =>
      line.listen((message) => {
        if (isWake(message)) listener(message.revision);
      }),
  };
}

/** Passes on what one worker announces to the others. */
export function relayWakes(line: Line, others: () => Iterable<Line>): () => void {
  return line.listen((message) => {
    if (!isWake(message)) return;
    for (const other of others()) if (other !== line) other.send(message);
  });
}

function isWake(message: LineMessage): message is LineMessage & { readonly revision: number } {
  return message.channel === WAKE_CHANNEL && typeof message['revision'] === 'number';
}
