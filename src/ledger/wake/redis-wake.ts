import { Redis } from 'ioredis';
import type { LedgerLogger, Wake } from '../surroundings.js';

const RETRY_MS_MAX = 2_000;

export interface RedisWakeOptions {
  readonly url: string;
  /** Ledgers of different databases may share a server. */
  readonly databaseId: string;
  readonly logger: LedgerLogger;
}

/** A wake over Redis pub/sub. Redis may be away, slow or lying: the ledger believes nothing of it and looks for itself. */
export interface RedisWake extends Wake {
  close(): void;
}

/** Connects in the background and for as long as it takes; what is announced meanwhile is lost. The caller closes it. */
export function createRedisWake({ url, databaseId, logger }: RedisWakeOptions): RedisWake {
  const channel = `keelson:wake:${databaseId}`;
  const options = {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt: number) => Math.min(attempt * 50, RETRY_MS_MAX),
  };
  const publisher = new Redis(url, options);
  const subscriber = new Redis(url, { ...options, autoResubscribe: false });
  const listeners = new Set<(revision: number) => void>();

  for (const client of [publisher, subscriber]) {
    // It says so at every attempt to connect; the ledger works without.
    client.on('error', (err: Error) => logger.info({ err: err.message }, 'redis wake not connected'));
  }
  subscriber.on('ready', () => {
    subscriber.subscribe(channel).catch((err: unknown) => logger.warn({ err }, 'redis wake not subscribed'));
  });
  subscriber.on('message', (_channel: string, text: string) => {
    const revision = Number(text);
    if (Number.isSafeInteger(revision)) for (const listener of listeners) listener(revision);
  });

  return {
    announce: (revision) => {
      publisher.publish(channel, String(revision)).catch(() => {});
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}
