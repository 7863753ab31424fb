import type { AddressInfo, Server } from 'node:net';
import type { Logger } from 'pino';
import { LIMIT_SETTINGS, type Limits } from '../limits.js';
import { splitAddress } from '../server-figures.js';
import { createTally } from '../tally.js';

/** Listens on `host:port` and gives the port; 0 asks for any free one. */
export function listen(server: Server, address: string): Promise<number> {
  const { address: host, port } = splitAddress(address);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Drops connections beyond the limit, and says so, but not for each: whoever attacks must not fill the log as well. */
export function limitConnections(server: Server, { connectionsMax: max }: Limits, log: Pick<Logger, 'warn'>): void {
  server.maxConnections = max;
  const tallyDropped = createTally((dropped) =>
    log.warn({ dropped, max, limit: LIMIT_SETTINGS.connectionsMax }, 'connections dropped'),
  );
  server.on('drop', tallyDropped);
}
