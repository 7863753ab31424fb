import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import type { BenchCase, Contender } from '../bench.js';
import type { Sample } from '../result.js';
import { median, quantile } from '../statistics.js';
import { startKeelson, type RunningKeelson } from '../systems.js';
import { SAY_TIME } from '../servers/echo-service.js';
import { ECHO_NAME } from './echo-call.js';

const NANOS_PER_MS = 1e6;
const MS_PER_SECOND = 1000;

/** How long a message of a stream takes from the handler to a browser. */
export const firstMessage: BenchCase = {
  name: 'first-message',
  about: 'from the yield of a handler to its first server-sent event at the client, one stream at a time',
  async run(bench) {
    return bench.compare('first-message', [eventsContender(await startKeelson(bench))]);
  },
};

function eventsContender({ http, token }: RunningKeelson): Contender {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    system: 'keelson',
    async load(durationMs): Promise<Sample> {
      const [startMs, times] = [performance.now(), [] as number[]];
      while (performance.now() - startMs < durationMs) times.push(await timeFirstEvent(http, token, agent));
      const rps = (times.length * MS_PER_SECOND) / (performance.now() - startMs);
      return { rps, p50Ms: median(times), p99Ms: quantile(times, 0.99) };
    },
  };
}

/** The clock of `process.hrtime` is one for all processes of a machine, so that the event can tell when it was made. */
async function timeFirstEvent(base: string, token: string, agent: Agent): Promise<number> {
  const headers = { accept: 'text/event-stream', authorization: `Bearer ${token}` };
  const url = `${base}/v1/${ECHO_NAME}:echoMany?text=${SAY_TIME}&count=1`;
  const sent = request(url, { agent, headers }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  let arrived = 0n;
  for await (const chunk of response) {
    if (!text.includes('data: ')) arrived = process.hrtime.bigint();
    text += String(chunk);
  }
  const made = /^data: \{"text":"(\d+)"\}$/m.exec(text)?.[1];
  if (response.statusCode !== 200 || made === undefined || !text.includes('event: end')) {
    throw new Error(`The stream answered ${response.statusCode} ${text}`);
  }
  return Number(arrived - BigInt(made)) / NANOS_PER_MS;
}
