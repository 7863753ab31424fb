import type { Policy } from '../../rpc/policy.js';

const MS_PER_SECOND = 1000;

/**
 * Gives the headers that say who may keep an answer to a GET, and for how long: what the contract's policy says, else the
 * browser that has asked for a resource with a version, which asks again before each use. None where nobody may.
 */
export function cachingHeaders(
  { cache }: Pick<Policy, 'cache'>,
  { isVersioned }: { isVersioned: boolean },
): Record<string, string> {
  const http = cache?.http;
  if (http === undefined) return isVersioned ? { 'cache-control': 'private, no-cache', vary: 'authorization' } : {};
  const control = `${http.scope}, max-age=${Math.floor(http.maxAgeMs / MS_PER_SECOND)}`;
  return http.scope === 'public' ? { 'cache-control': control } : { 'cache-control': control, vary: 'authorization' };
}
