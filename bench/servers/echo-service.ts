import { setTimeout as delay } from 'node:timers/promises';
import { EchoServiceDefinition } from '../gen/bench/v1/echo_service.js';
import { implementService, type ServiceImplementation } from '../../src/rpc/service.js';

/** The text that is answered with the time at which it is answered. */
export const SAY_TIME = 'time';

const HOUR_MS = 3_600_000;

/** Handlers that do nothing, so that what a call costs is the call. */
export function createEchoService(): ServiceImplementation {
  return implementService(EchoServiceDefinition, {
    echo: async (_ctx, { text }) => ({ text }),
    echoPublic: async (_ctx, { text }) => ({ text }),
    async *echoMany(_ctx, { text, count }) {
      for (let i = 0; i < count; i += 1) yield { text: text === SAY_TIME ? String(process.hrtime.bigint()) : text };
    },
    async *idle({ signal }, { text }) {
      yield { text };
      await delay(HOUR_MS, undefined, { signal, ref: false }).catch(() => undefined);
    },
  });
}
