import type { WorkObserver } from '../telemetry/work.js';
import type { SharedTier } from './shared-tier.js';

/** The same tier, which tells what it is asked for. */
export function observeTier(tier: SharedTier, observer: WorkObserver): SharedTier {
  return {
    get: (key) => observer.run({ kind: 'cache', name: 'get' }, () => tier.get(key)),
    offer: (key, bytes) => tier.offer(key, bytes),
    isAvailable: () => tier.isAvailable(),
    isCircuitOpen: () => tier.isCircuitOpen(),
  };
}
