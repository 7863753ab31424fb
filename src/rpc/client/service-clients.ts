import type { IncomingCall } from '../call.js';
import type { CallContext } from '../context.js';
import type { ServiceDefinition } from '../service.js';
import { clientFor, createClient, type ServiceClient } from './create-client.js';
import type { Transport } from './transport.js';

const AUTHORIZATION = 'authorization';

/** Makes the clients that handlers have in their context. A service does not know where the one that it calls runs. */
export class ServiceClients {
  readonly #clients = new Map<ServiceDefinition, unknown>();
  #transport: Transport | undefined;

  /** Says how calls travel. The transport is made of what the clients are a part of, and so comes later. */
  connect(transport: Transport): void {
    this.#transport = transport;
  }

  /** Gives a client for the call that is running. Its calls are made in the name of that call's caller. */
  clientFor<D extends ServiceDefinition>(
    definition: D,
    context: CallContext,
    { metadata }: Pick<IncomingCall, 'metadata'>,
  ): Omit<ServiceClient<D>, 'close'> {
    const authorization = metadata.get(AUTHORIZATION);
    return clientFor(this.#client(definition), context, {
      ...(authorization !== undefined && { metadata: { [AUTHORIZATION]: authorization } }),
    });
  }

  #client<D extends ServiceDefinition>(definition: D): ServiceClient<D> {
    if (this.#transport === undefined) throw new Error('There are no clients: this process was put together without');
    const known = this.#clients.get(definition) as ServiceClient<D> | undefined;
    if (known !== undefined) return known;
    const client = createClient(definition, { transport: this.#transport });
    this.#clients.set(definition, client);
    return client;
  }
}
