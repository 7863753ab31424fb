import { Idempotency } from '../../../gen/keelson/options/v1/options.js';
import { readPolicy } from '../policy.js';
import type { MethodDefinition, ServiceDefinition } from '../service.js';
import { spreadOverHealthy } from './health-checked.js';

const ATTEMPTS_MAX = 4;

/** Only after UNAVAILABLE (AIP-194). A server's RetryInfo comes before the backoff. */
const RETRY_POLICY = {
  initialBackoff: '0.1s',
  maxBackoff: '2s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};

/** The retry budget: a failure costs a token, a success earns a tenth, below half there are no retries. */
const RETRY_THROTTLING = { maxTokens: 100, tokenRatio: 0.1 };

/**
 * Writes a gRPC service config (https://github.com/grpc/grpc/blob/master/doc/service_config.md) from the policies of a
 * contract: calls are spread over all addresses that serve, and repeated only where the contract says that this is safe.
 */
export function createServiceConfig(
  definition: ServiceDefinition,
  { attemptsMax = ATTEMPTS_MAX }: { attemptsMax?: number } = {},
): string {
  const safe = Object.values(definition.methods).filter(isSafeToRetry);
  const name = safe.map(({ name: method }) => ({ service: definition.fullName, method }));
  const retryPolicy = { ...RETRY_POLICY, maxAttempts: attemptsMax };
  return JSON.stringify({
    loadBalancingConfig: spreadOverHealthy(definition.fullName),
    methodConfig: name.length > 0 && attemptsMax > 1 ? [{ name, retryPolicy }] : [],
    retryThrottling: RETRY_THROTTLING,
  });
}

/** Tells whether a call may be repeated. One that sends a stream may not: its requests are gone. */
export function isSafeToRetry(method: MethodDefinition): boolean {
  if (method.requestStream) return false;
  switch (readPolicy(method.options)?.idempotency) {
    case Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS:
    case Idempotency.IDEMPOTENCY_IDEMPOTENT:
    // The client gives each request an id that has none.
    case Idempotency.IDEMPOTENCY_REQUEST_ID:
      return true;
    case Idempotency.IDEMPOTENCY_NOT_IDEMPOTENT:
    case undefined:
      return false;
  }
}
