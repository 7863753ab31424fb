import { Session } from 'node:inspector/promises';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { getHeapSnapshot } from 'node:v8';

export const PROFILE_SECONDS_DEFAULT = 10;
export const PROFILE_SECONDS_MAX = 60;

/** Another profile is being taken. Each costs the process much: there is one at a time. */
export class ProfilerBusyError extends Error {
  override readonly name = 'ProfilerBusyError';
}

/** Takes profiles of this process, in the formats that Chrome's developer tools open. */
export interface Profiler {
  /** Records where the processor's time goes. Ends early when the signal aborts. */
  cpu(seconds: number, signal: AbortSignal): Promise<string>;
  /** Writes what is in memory: the process stands still while it is collected. Whoever gets it reads or destroys it. */
  heap(): Readable;
}

/** Both reject or throw {@link ProfilerBusyError} while another is under way. */
export function createProfiler(): Profiler {
  let isBusy = false;
  const begin = () => {
    if (isBusy) throw new ProfilerBusyError('Another profile is being taken');
    isBusy = true;
  };
  const end = () => {
    isBusy = false;
  };
  return {
    async cpu(seconds, signal) {
      begin();
      const session = new Session();
      try {
        session.connect();
        await session.post('Profiler.enable');
        await session.post('Profiler.start');
        await delay(seconds * 1000, undefined, { signal, ref: false }).catch(() => undefined);
        const { profile } = await session.post('Profiler.stop');
        return JSON.stringify(profile);
      } finally {
        session.disconnect();
        end();
      }
    },
    heap() {
      begin();
      try {
        return getHeapSnapshot().once('close', end);
      } catch (err) {
        end();
        throw err;
      }
    },
  };
}
