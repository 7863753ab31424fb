import { setTimeout as delay } from 'node:timers/promises';
import { EchoServiceDefinition } from '../gen/bench/v1/echo_service.js';
import { implementService, type ServiceImplementation } from '../../src/rpc/service.js';

/** The text that is answered with the time at which it is answered. */
export const SAY_TIME = 'time';

const HOUR_MS = 3_600_000;
const MICROS_PER_MS = 1000;
/** How many calls hold a place at one moment, as connections to a database are few. */
const PLACES = 20;

/** Handlers that do nothing, so that what a call costs is the call. */
export function createEchoService(): ServiceImplementation {
  const places = createPlaces(PLACES);
  return implementService(EchoServiceDefinition, {
    echo: async (_ctx, { text }) => ({ text }),
    echoPublic: async (_ctx, { text }) => ({ text }),
    async work({ signal }, { busyMicros, heldMillis }) {
      const endMs = performance.now() + busyMicros / MICROS_PER_MS;
      while (performance.now() < endMs);
      if (heldMillis > 0) await places.hold(heldMillis, signal);
      return { text: '' };
    },
    async *echoMany(_ctx, { text, count }) {
      for (let i = 0; i < count; i += 1) yield { text: text === SAY_TIME ? String(process.hrtime.bigint()) : text };
    },
    async *idle({ signal }, { text }) {
      yield { text };
      await delay(HOUR_MS, undefined, { signal, ref: false }).catch(() => undefined);
    },
  });
}

/** So many places; who finds them taken waits for one, in order, until its call ends. */
function createPlaces(count: number): { hold(ms: number, signal: AbortSignal): Promise<void> } {
  const waiting = new Set<() => void>();
  let free = count;
  return {
    async hold(ms, signal) {
      while (free === 0) await turn(waiting, signal);
      free -= 1;
      try {
        await delay(ms);
      } finally {
        free += 1;
        const [next] = waiting;
        next?.();
      }
    },
  };
}

function turn(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiting.delete(go);
      reject(signal.reason as Error);
    };
    const go = () => {
      waiting.delete(go);
      signal.removeEventListener('abort', leave);
      resolve();
    };
    if (signal.aborted) return reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    waiting.add(go);
  });
}
