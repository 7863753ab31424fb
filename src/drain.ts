import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from './config.js';
import type { Cleanups } from './lifecycle.js';
import type { HealthRegistry } from './rpc/builtin/health.js';
import type { OpenCalls } from './rpc/open-calls.js';

interface Draining {
  readonly health: HealthRegistry;
  /** The services that have a health status. */
  readonly services: readonly string[];
  readonly listeners: readonly { goAway(): void }[];
  readonly openCalls: OpenCalls;
}

/**
 * Says that everything serves, and what is done first at a stop: whatever spreads calls sees NOT_SERVING and has time to
 * notice; then every client is told to go; what runs may end. Listeners and stores close after that, in steps of their own.
 */
export function beginServing(
  cleanups: Cleanups,
  { settleMs, drainTimeoutMs }: Pick<Config, 'settleMs' | 'drainTimeoutMs'>,
  { health, services, listeners, openCalls }: Draining,
): void {
  // The newest step runs first.
  cleanups.add('running calls', () => openCalls.drain(drainTimeoutMs));
  cleanups.add('listeners', () => {
    for (const listener of listeners) listener.goAway();
  });
  cleanups.add('settling', () => delay(settleMs));
  cleanups.add('health', () => health.setAll(services, { serving: false }));
  health.setAll(services, { serving: true });
}
