import type { Logger } from 'pino';
import type { CallSpan, TracedCall } from '../telemetry/tracing.js';
import type { ServiceClient } from './client/create-client.js';
import type { CallConsistency, CallContext, Caller, Clock } from './context.js';
import type { RunningCall } from './running-call.js';
import type { ServiceDefinition } from './service.js';

/** What a handler sees of a call. What only some handlers ask for is made when they do. */
export class ContextOfCall implements CallContext {
  readonly clock: Clock;
  readonly #running: RunningCall;
  #log: Logger | undefined;

  constructor(running: RunningCall, clock: Clock) {
    this.#running = running;
    this.clock = clock;
  }

  get signal(): AbortSignal {
    return this.#running.signal;
  }

  get caller(): Caller {
    return this.#running.caller;
  }

  get peer(): string {
    return this.#running.call.peer;
  }

  get consistency(): CallConsistency {
    return this.#running.consistency;
  }

  get requestId(): string {
    return this.#running.requestId;
  }

  get log(): Logger {
    return (this.#log ??= this.#running.createLog());
  }

  remainingMs(): number {
    return this.#running.lifetime.remainingMs();
  }

  client<D extends ServiceDefinition>(definition: D): Omit<ServiceClient<D>, 'close'> {
    return this.#running.clientOf(definition, this);
  }

  beginOutgoing(call: TracedCall): CallSpan | undefined {
    return this.#running.beginOutgoing(call);
  }

  propagated(): ReadonlyMap<string, string> {
    return this.#running.propagated();
  }
}
