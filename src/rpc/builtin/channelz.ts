import { isIP, isIPv4 } from 'node:net';
import { getChannelzHandlers, getChannelzServiceDefinition } from '@grpc/grpc-js';
import {
  ChannelzDefinition,
  GetChannelResponse,
  GetSocketResponse,
  GetSubchannelResponse,
  GetTopChannelsResponse,
  type Address,
  type Server,
  type Socket,
} from '../../../gen/channelz.js';
import { ServiceError } from '../errors.js';
import type { Policy } from '../policy.js';
import type { CallFigures, Endpoint, ServerFigures, SocketFigures } from '../server-figures.js';
import { implementService, type MessageCodec, type ServiceImplementation } from '../service.js';

const SERVER_NAME = 'keelson';
const PAGE_SOCKETS_MAX = 100;
const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

/**
 * Serves grpc.channelz.v1 (https://github.com/grpc/proposal/blob/master/A14-channelz.md), which grpcdebug shows. Servers and
 * their sockets are ours, the same for every transport; the channels of clients are those that grpc-js knows.
 */
export function createChannelzService(figures: ServerFigures, policy: Policy): ServiceImplementation {
  return implementService(
    ChannelzDefinition,
    {
      getTopChannels: async (_ctx, request) => askGrpcJs('GetTopChannels', toPlain(request), GetTopChannelsResponse),
      getChannel: async (_ctx, request) => askGrpcJs('GetChannel', toPlain(request), GetChannelResponse),
      getSubchannel: async (_ctx, request) => askGrpcJs('GetSubchannel', toPlain(request), GetSubchannelResponse),
      getServers: async (_ctx, { startServerId }) => ({
        server: startServerId > BigInt(figures.id) ? [] : [toServer(figures)],
        end: true,
      }),
      getServer: async (_ctx, { serverId }) => {
        if (Number(serverId) !== figures.id) throw notFound('server', serverId);
        return { server: toServer(figures) };
      },
      getServerSockets: async (_ctx, { serverId, startSocketId, maxResults }) => {
        if (Number(serverId) !== figures.id) throw notFound('server', serverId);
        const rest = figures.connections().filter(({ id }) => id >= Number(startSocketId));
        const page = rest.slice(0, Number(maxResults) || PAGE_SOCKETS_MAX);
        return { socketRef: page.map(toSocketRef), end: page.length === rest.length };
      },
      getSocket: async (_ctx, request) => {
        const own = figures.findSocket(Number(request.socketId));
        return own === undefined
          ? askGrpcJs('GetSocket', toPlain(request), GetSocketResponse)
          : { socket: toSocket(own) };
      },
    },
    { policy },
  );
}

type GrpcJsMethod = 'GetTopChannels' | 'GetChannel' | 'GetSubchannel' | 'GetSocket';

/** What a handler of grpc-js is: it looks at the request, and calls back. */
type GrpcJsHandler = (
  call: { readonly request: object },
  callback: (err: object | null, value?: object) => void,
) => void;

/** Messages of grpc-js have another shape than ours; their bytes are the same. */
function askGrpcJs<T>(method: GrpcJsMethod, request: object, codec: MessageCodec<T>): Promise<T> {
  const handler = Reflect.get(getChannelzHandlers(), method) as GrpcJsHandler;
  const definition = getChannelzServiceDefinition()[method];
  return new Promise((resolve, reject) => {
    handler({ request }, (err, value) => {
      if (err !== null || value === undefined) reject(notFound('entity', undefined));
      else resolve(codec.decode(definition.responseSerialize(value as never)));
    });
  });
}

/** grpc-js reads the fields in snake case, with numbers as text. */
function toPlain(request: object): object {
  const fields = Object.entries(request).map(([key, value]) => {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return [name, typeof value === 'bigint' ? String(value) : value] as const;
  });
  return Object.fromEntries(fields);
}

function notFound(what: string, id: bigint | undefined): ServiceError {
  const named = id === undefined ? '' : ` ${id}`;
  return new ServiceError('RESOURCE_NOT_FOUND', `Cannot show ${what}${named}: there is none of that id`);
}

function toServer(figures: ServerFigures): Server {
  return {
    ref: { serverId: BigInt(figures.id), name: SERVER_NAME },
    data: { trace: undefined, ...toCalls(figures.calls) },
    listenSocket: figures.listeners().map(toSocketRef),
  };
}

function toCalls({ started, succeeded, failed, lastStartedMs }: CallFigures) {
  return {
    callsStarted: BigInt(started),
    callsSucceeded: BigInt(succeeded),
    callsFailed: BigInt(failed),
    lastCallStartedTimestamp: toTimestamp(lastStartedMs),
  };
}

function toSocketRef({ id, local, remote }: SocketFigures) {
  return { socketId: BigInt(id), name: format(remote ?? local) };
}

function toSocket(socket: SocketFigures): Socket {
  const { streams, local, remote, cipher } = socket;
  return {
    ref: toSocketRef(socket),
    data: {
      streamsStarted: BigInt(streams.started),
      streamsSucceeded: BigInt(streams.succeeded),
      streamsFailed: BigInt(streams.failed),
      messagesSent: 0n,
      messagesReceived: 0n,
      keepAlivesSent: 0n,
      lastLocalStreamCreatedTimestamp: undefined,
      lastRemoteStreamCreatedTimestamp: toTimestamp(streams.lastStartedMs),
      lastMessageSentTimestamp: undefined,
      lastMessageReceivedTimestamp: undefined,
      localFlowControlWindow: undefined,
      remoteFlowControlWindow: undefined,
      option: [],
    },
    local: toAddress(local),
    remote: remote && toAddress(remote),
    security: cipher === undefined ? undefined : toSecurity(cipher),
    remoteName: remote === undefined ? '' : format(remote),
  };
}

function toSecurity(name: string): Socket['security'] {
  return {
    model: {
      $case: 'tls',
      value: {
        cipherSuite: { $case: 'standardName', value: name },
        localCertificate: Buffer.alloc(0),
        remoteCertificate: Buffer.alloc(0),
      },
    },
  };
}

function toAddress({ address, port }: Endpoint): Address {
  const ipAddress = toBytes(address);
  if (ipAddress === undefined)
    return { address: { $case: 'otherAddress', value: { name: address, value: undefined } } };
  return { address: { $case: 'tcpipAddress', value: { ipAddress, port } } };
}

/** Four bytes, or sixteen; an IPv4 address inside an IPv6 one is the former. */
function toBytes(address: string): Buffer | undefined {
  const bare = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (isIPv4(bare)) return Buffer.from(bare.split('.').map(Number));
  if (isIP(bare) === 0) return undefined;
  const [head = '', tail] = bare.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...left, ...zeros, ...right].entries()) {
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  }
  return bytes;
}

function format({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function toTimestamp(ms: number | undefined) {
  if (ms === undefined) return undefined;
  return { seconds: BigInt(Math.floor(ms / MS_PER_SECOND)), nanos: (ms % MS_PER_SECOND) * NANOS_PER_MS };
}
