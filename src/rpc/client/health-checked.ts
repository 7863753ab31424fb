import {
  Client as HealthClient,
  connectivityState,
  credentials,
  experimental,
  Metadata,
  type ClientReadableStream,
} from '@grpc/grpc-js';
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../gen/health/v1/health.js';
import { Code } from '../codes.js';

const POLICY_NAME = 'keelson_health_checked';
const WATCH_PATH = '/grpc.health.v1.Health/Watch';
/** A server that could not be asked is asked again after this time. */
const ASK_AGAIN_MS = 1000;

/**
 * Gives the load balancing part of a gRPC service config: calls go round the addresses whose server does not say of the
 * service that it is away. The whole server is meant where the service is empty. Clients that do not know the first
 * policy take the second.
 */
export function spreadOverHealthy(service: string): readonly object[] {
  return [{ [POLICY_NAME]: { service } }, { round_robin: {} }];
}

/** Makes the policy known to grpc-js, which has none of its own that asks for health. May be called again. */
export function registerHealthChecked(): void {
  if (experimental.isLoadBalancerNameRegistered(POLICY_NAME)) return;
  experimental.registerLoadBalancerType(POLICY_NAME, HealthChecked, HealthCheckedConfig);
}

class HealthCheckedConfig implements experimental.TypedLoadBalancingConfig {
  readonly service: string;

  constructor(service: string) {
    this.service = service;
  }

  getLoadBalancerName(): string {
    return POLICY_NAME;
  }

  toJsonObject(): object {
    return { [POLICY_NAME]: { service: this.service } };
  }

  static createFromJson(config: { readonly service?: unknown }): HealthCheckedConfig {
    return new HealthCheckedConfig(typeof config.service === 'string' ? config.service : '');
  }
}

/**
 * Stands around round_robin and watches the health of each connection, as gRPC's clients in other languages do
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). Two things differ: a server counts as well until it
 * says otherwise, for most have something to say at once and calls need not wait for it; and where there is one address
 * only it is not asked, for there is nobody else to take the calls.
 */
class HealthChecked implements experimental.LoadBalancer {
  readonly #child: experimental.ChildLoadBalancerHandler;
  /** What each connection said last: round_robin wraps them anew with every look at the addresses. */
  readonly #known: HealthMemory = new WeakMap();
  #service: string | undefined;

  constructor(helper: experimental.ChannelControlHelper) {
    const createSubchannel: typeof helper.createSubchannel = (address, options) => {
      const subchannel = helper.createSubchannel(address, options);
      return this.#service === undefined ? subchannel : new WatchedSubchannel(subchannel, this.#service, this.#known);
    };
    this.#child = new experimental.ChildLoadBalancerHandler(
      experimental.createChildChannelControlHelper(helper, { createSubchannel }),
    );
  }

  updateAddressList(...[endpoints, config, ...rest]: Parameters<experimental.LoadBalancer['updateAddressList']>) {
    const isOneOfSeveral = endpoints.ok && endpoints.value.length > 1;
    this.#service = isOneOfSeveral && config instanceof HealthCheckedConfig ? config.service : undefined;
    const roundRobin = experimental.parseLoadBalancingConfig({ round_robin: {} });
    return this.#child.updateAddressList(endpoints, roundRobin, ...rest);
  }

  exitIdle(): void {
    this.#child.exitIdle();
  }

  resetBackoff(): void {
    this.#child.resetBackoff();
  }

  destroy(): void {
    this.#child.destroy();
  }

  getTypeName(): string {
    return POLICY_NAME;
  }
}

type HealthMemory = WeakMap<object, boolean>;

/** A connection that gets no calls while its server says that the service is away. */
class WatchedSubchannel extends experimental.BaseSubchannelWrapper {
  readonly #service: string;
  readonly #known: HealthMemory;
  readonly #client: HealthClient;
  readonly #onState: experimental.ConnectivityStateListener;
  #watch: ClientReadableStream<HealthCheckResponse> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isDestroyed = false;

  constructor(child: experimental.SubchannelInterface, service: string, known: HealthMemory) {
    super(child);
    this.#service = service;
    this.#known = known;
    this.setHealthy(known.get(child.getRealSubchannel()) ?? true);
    // The channel is one of this connection alone, and has its credentials already.
    const channelOverride = child.getChannel();
    this.#client = new HealthClient('unused', credentials.createInsecure(), { channelOverride });
    this.#onState = (_subchannel, _previous, state) => this.#settle(state);
    child.addConnectivityStateListener(this.#onState);
    this.#settle(child.getConnectivityState());
  }

  protected override destroy(): void {
    this.#isDestroyed = true;
    this.child.removeConnectivityStateListener(this.#onState);
    this.#stop();
    super.destroy();
  }

  #settle(state: connectivityState): void {
    if (state === connectivityState.READY) this.#ask();
    else {
      this.#stop();
      // Whoever answers on the next connection may be another process.
      this.#note(true);
    }
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  #ask(): void {
    if (this.#watch !== undefined || this.#isDestroyed) return;
    const watch = this.#client.makeServerStreamRequest(
      WATCH_PATH,
      (request: HealthCheckRequest) => Buffer.from(HealthCheckRequest.encode(request).finish()),
      (bytes) => HealthCheckResponse.decode(bytes),
      { service: this.#service },
      new Metadata(),
    );
    this.#watch = watch;
    watch.on('data', ({ status }: HealthCheckResponse) => {
      if (this.#watch === watch) this.#note(status === ServingStatus.SERVING);
    });
    watch.on('error', () => undefined);
    watch.on('status', ({ code }) => {
      if (this.#watch === watch) this.#askAgain(code);
    });
  }

  /** A watch that ended leaves what was said last. A server that knows no health is always well. */
  #askAgain(code: number): void {
    this.#watch = undefined;
    if (code === Code.UNIMPLEMENTED) this.#note(true);
    else this.#timer = setTimeout(() => this.#ask(), ASK_AGAIN_MS).unref();
  }

  #note(isHealthy: boolean): void {
    if (this.#isDestroyed) return;
    this.#known.set(this.getRealSubchannel(), isHealthy);
    this.setHealthy(isHealthy);
  }
}
