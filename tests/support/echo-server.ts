import { once } from 'node:events';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import type { Limits } from '../../src/rpc/limits.js';
import { implementService, type Handlers } from '../../src/rpc/service.js';
import { OPEN_POLICY } from './call-fixture.js';
import { echoRegistry, EchoServiceDefinition, type Words } from './echo-contract.js';
import { startRpcServerWith, type RpcServer, type RpcServerOptions } from './rpc-server.js';

/** The text on which Repeat and Chat do not end, with messages that count up. */
export const ENDLESS = 'endless';
const ENDLESS_BYTES = 8192;
/** The text behind which Join reads no more. */
export const DEAF = 'deaf';

export type EchoHandlers = {
  -readonly [K in keyof Handlers<typeof EchoServiceDefinition>]: Handlers<typeof EchoServiceDefinition>[K];
};

/** A server of the echo contract, and a client of it. A test may put its own handlers in place before it calls. */
export interface EchoServer extends RpcServer {
  readonly client: ServiceClient<typeof EchoServiceDefinition>;
  readonly handlers: EchoHandlers;
}

type Watches = Pick<RpcServerOptions, 'metrics' | 'eventLoop' | 'load' | 'tracing' | 'work'>;

export async function startEchoServer(limits: Partial<Limits> = {}, watches: Watches = {}): Promise<EchoServer> {
  const handlers = echoHandlers();
  const service = implementService(
    EchoServiceDefinition,
    {
      say: (ctx, request) => handlers.say(ctx, request),
      repeat: (ctx, request) => handlers.repeat(ctx, request),
      join: (ctx, requests) => handlers.join(ctx, requests),
      chat: (ctx, requests) => handlers.chat(ctx, requests),
    },
    { policy: OPEN_POLICY },
  );
  const server = await startRpcServerWith({ services: [service], registry: echoRegistry(), limits, ...watches });
  const client = createClient(EchoServiceDefinition, { address: server.address });
  const close = async () => {
    client.close();
    await server.close();
  };
  return { ...server, client, handlers, close };
}

export function words(text: string, more: Partial<Words> = {}): Words {
  return { text, payload: new Uint8Array(), count: 0, ...more };
}

/** Gives what an iterable has, as an array. */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

function echoHandlers(): EchoHandlers {
  return {
    say: async (_ctx, request) => request,
    async *repeat(_ctx, { text, count }) {
      for (let i = 0; text === ENDLESS; i += 1) yield words('', { count: i, payload: new Uint8Array(ENDLESS_BYTES) });
      for (let i = 0; i < count; i += 1) yield words(`${text}${i}`);
    },
    async join(ctx, requests) {
      const texts: string[] = [];
      for await (const { text } of requests) {
        texts.push(text);
        if (text === DEAF) await once(ctx.signal, 'abort');
      }
      return words(texts.join(','), { count: texts.length });
    },
    async *chat(_ctx, requests) {
      for await (const request of requests) {
        yield request;
        for (let i = 0; request.text === ENDLESS; i += 1)
          yield words('', { count: i, payload: new Uint8Array(ENDLESS_BYTES) });
      }
    },
  };
}
