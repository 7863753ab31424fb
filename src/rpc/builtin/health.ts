import { HealthCheckResponse_ServingStatus as ServingStatus, HealthDefinition } from '../../../gen/health/v1/health.js';
import type { HealthCheckResponse } from '../../../gen/health/v1/health.js';
import type { CallContext } from '../context.js';
import { ServiceError } from '../errors.js';
import type { Policy } from '../policy.js';
import { implementService, type ServiceImplementation } from '../service.js';

/** The name under which the server as a whole has a health status (the health checking protocol reserves it). */
const WHOLE_SERVER = '';

/**
 * Says which services can do their work: those that were set to be serving, as long as what they need is there. Starts with
 * none; a service that is not known has no status. The server as a whole serves while nothing that any service needs is lost.
 */
export class HealthRegistry {
  readonly #serving = new Map<string, boolean>();
  readonly #needs = new Map<string, ReadonlySet<string>>();
  readonly #lost = new Set<string>();
  readonly #listeners = new Set<() => void>();

  get(service: string): ServingStatus | undefined {
    const serving = this.#serving.get(service);
    if (serving === undefined) return undefined;
    return serving && !this.#lacks(service) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  *entries(): Generator<readonly [service: string, status: ServingStatus]> {
    for (const service of this.#serving.keys()) yield [service, this.get(service) ?? ServingStatus.NOT_SERVING];
  }

  /** Sets one status for the services and for the server as a whole. */
  setAll(services: readonly string[], { serving }: { serving: boolean }): void {
    for (const service of [WHOLE_SERVER, ...services]) this.#serving.set(service, serving);
    this.#tell();
  }

  /** Says what a service cannot work without, by names. */
  setNeeds(service: string, needs: readonly string[]): void {
    this.#needs.set(service, new Set(needs));
    this.#tell();
  }

  /** Takes in that something which services may need is there, or is not. */
  setDependency(name: string, { working }: { working: boolean }): void {
    if (working) this.#lost.delete(name);
    else this.#lost.add(name);
    this.#tell();
  }

  isServing(): boolean {
    return this.get(WHOLE_SERVER) === ServingStatus.SERVING;
  }

  #lacks(service: string): boolean {
    const needs =
      service === WHOLE_SERVER ? [...this.#needs.values()] : [this.#needs.get(service) ?? new Set<string>()];
    return needs.some((names) => [...names].some((name) => this.#lost.has(name)));
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Waits for the next change of any status, or for the signal. */
  async nextChange(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}

/**
 * Serves grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). The contract comes from the npm
 * package grpc-health-check; its own server is not used, for it would go around the call path, its limits and its log.
 */
export function createHealthService(health: HealthRegistry, policy: Policy): ServiceImplementation {
  async function check(_ctx: CallContext, { service }: { service: string }): Promise<HealthCheckResponse> {
    const status = health.get(service);
    if (status !== undefined) return { status };
    throw new ServiceError('RESOURCE_NOT_FOUND', `Cannot tell the health of "${service}": there is no such service`);
  }

  async function* watch(ctx: CallContext, { service }: { service: string }): AsyncGenerator<HealthCheckResponse> {
    let last: ServingStatus | undefined;
    while (!ctx.signal.aborted) {
      const status = health.get(service) ?? ServingStatus.SERVICE_UNKNOWN;
      const changed = health.nextChange(ctx.signal);
      if (status !== last) yield { status };
      last = status;
      // A change during the yield has settled this already, so that none is missed.
      await changed;
    }
  }

  async function list(): Promise<{ statuses: Map<string, HealthCheckResponse> }> {
    return { statuses: new Map([...health.entries()].map(([service, status]) => [service, { status }])) };
  }

  return implementService(HealthDefinition, { check, watch, list }, { policy });
}
