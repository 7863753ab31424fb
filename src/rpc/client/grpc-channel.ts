import { Client as Channel, connectivityState, credentials, type ChannelCredentials } from '@grpc/grpc-js';
import { registerHealthChecked } from './health-checked.js';
import { credentialsFromFiles, type ClientTlsFiles } from './tls-files.js';

/** How long a connection may take to come up before it is given up. */
const CONNECT_MS_MAX = 5000;
/**
 * How soon an address that was away is tried again. gRPC's own two minutes are for clients all over the world; here a
 * replica that comes back must be known before the next one goes, which says so a second ahead (KEELSON_SETTLE_MS).
 */
const RECONNECT_MS_FIRST = 100;
const RECONNECT_MS_MAX = 800;
/** A silent connection with calls on it is asked after this time whether it still stands, and dropped if it says nothing. */
const KEEPALIVE_MS = 20_000;
const KEEPALIVE_ANSWER_MS_MAX = 10_000;
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** PEM texts, or the files that hold them. */
export type ClientTls = ClientTlsTexts | ClientTlsFiles;

/** PEM texts. */
export interface ClientTlsTexts {
  /** The authorities that sign servers; those that Node knows where it is left out. */
  readonly ca?: Buffer;
  /** What this client shows of itself, where servers ask for it. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export interface ChannelOptions {
  /** `host:port`, or any name that gRPC resolves, such as `dns:///documents:50051`. */
  readonly address: string;
  /** A gRPC service config, as JSON. */
  readonly serviceConfig: string;
  readonly tls?: ClientTls;
  readonly connectTimeoutMs?: number;
  readonly messageBytesMax?: number;
}

/** A connection, or several, to one address. */
export interface GrpcChannel {
  /** Gives the channel to make a call on; the connection opens with the first. */
  get(): Channel;
  close(): void;
}

/**
 * Opens connections, and gives them up where they do not come up in time: gRPC itself waits for ever on a peer that
 * takes a connection and says nothing (https://github.com/grpc/grpc-node/issues/2785). The calls that waited for it
 * fail with UNAVAILABLE, and the next call tries anew.
 */
export function createGrpcChannel(options: ChannelOptions): GrpcChannel {
  registerHealthChecked();
  const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_MS_MAX;
  let channel = open(options);
  let watchdog: NodeJS.Timeout | undefined;

  function giveUpIfConnecting(): void {
    watchdog = undefined;
    if (stateOf(channel) !== connectivityState.CONNECTING) return;
    const stuck = channel;
    channel = open(options);
    stuck.close();
  }

  return {
    get() {
      if (watchdog === undefined && stateOf(channel) !== connectivityState.READY) {
        watchdog = setTimeout(giveUpIfConnecting, connectTimeoutMs).unref();
      }
      return channel;
    },
    close() {
      clearTimeout(watchdog);
      channel.close();
    },
  };
}

function stateOf(channel: Channel): connectivityState {
  return channel.getChannel().getConnectivityState(false);
}

function open({ address, serviceConfig, messageBytesMax = MESSAGE_BYTES_MAX, ...options }: ChannelOptions): Channel {
  return new Channel(address, credentialsOf(options.tls), {
    'grpc.service_config': serviceConfig,
    'grpc.service_config_disable_resolution': 1,
    // A pool would hand a connection that is stuck to the next channel as well.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': RECONNECT_MS_FIRST,
    'grpc.max_reconnect_backoff_ms': RECONNECT_MS_MAX,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS_MAX,
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.max_send_message_length': messageBytesMax,
    'grpc.enable_http_proxy': 0,
  });
}

function credentialsOf(tls: ClientTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  if (areFiles(tls)) return credentialsFromFiles(tls);
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}

function areFiles(tls: ClientTls): tls is ClientTlsFiles {
  return 'caFile' in tls || 'certFile' in tls;
}
