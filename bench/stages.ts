// What each stage of a call costs, in microseconds: `npm run bench:stages`. In this process and without a transport, each stage is
// left out in turn, and what a call costs less then is the stage's. docs/performance.md has the figures.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { Bench } from './bench.js';
import { EchoRequest } from './gen/bench/v1/echo_service.js';
import { describeMachine } from './machine.js';
import { createEchoService } from './servers/echo-service.js';
import { median, quantile } from './statistics.js';
import { CallerWatch } from '../src/rpc/caller-watch.js';
import { readDescriptorImage } from '../src/rpc/descriptors.js';
import { DEFAULT_LIMITS } from '../src/rpc/limits.js';
import { CallMetadata } from '../src/rpc/metadata.js';
import { createMessageEncoder } from '../src/rpc/message-encoder.js';
import { createMethodTable, type Method } from '../src/rpc/method-table.js';
import { OpenCalls } from '../src/rpc/open-calls.js';
import { createDispatcher } from '../src/rpc/pipeline.js';
import { requestIdOf } from '../src/rpc/request-id.js';
import { traceOf } from '../src/rpc/trace.js';
import { createDecodeValid } from '../src/rpc/validation.js';
import { createMetrics } from '../src/telemetry/metrics.js';
import { openProcessLog } from '../src/telemetry/process-log.js';

const ROUNDS = 15;
const CALLS_PER_ROUND = 10_000;
const CALLERS = 64;
const WARM_UP_ROUNDS = 4;
const REQUEST = EchoRequest.encode({
  name: 'echoes/first',
  text: 'the quick brown fox jumps over the lazy dog',
}).finish();
const CALLER = { name: 'serviceAccounts/bench', permissions: ['*'] };

const bench = new Bench({ rounds: ROUNDS, roundMs: 0, warmUpMs: 0 });
const table = createMethodTable(
  readDescriptorImage(await readFile(new URL('../../.build/bench/descriptors.binpb', import.meta.url))),
  [createEchoService()],
);
const { log } = openProcessLog('info', join(await bench.folder(), 'log'));
const everything = { log, metrics: createMetrics() };

const whole = callThrough(everything, 'Echo');
const variants: Record<string, () => Promise<void>> = {
  'log line': callThrough({ ...everything, log: pino({ level: 'silent' }) }, 'Echo'),
  metrics: callThrough({ log }, 'Echo'),
  'identity and permission, without their store': callThrough(everything, 'EchoPublic'),
};

for (let round = 0; round < WARM_UP_ROUNDS; round += 1)
  for (const call of [whole, ...Object.values(variants)]) await microsOf(call);
const costs = new Map<string, number[]>([
  ['the whole pipeline', []],
  ...Object.keys(variants).map((name) => [name, []] as [string, number[]]),
]);
for (let round = 0; round < ROUNDS; round += 1) {
  const wholeMicros = await microsOf(whole);
  costs.get('the whole pipeline')?.push(wholeMicros);
  for (const [name, call] of Object.entries(variants)) costs.get(name)?.push(wholeMicros - (await microsOf(call)));
}
process.stdout.write(
  `On ${describeMachine()}, microseconds of processor time a call, and the middle half of ${ROUNDS} rounds\n`,
);
for (const [name, micros] of [...costs, ...timeParts()]) {
  const range = `${quantile(micros, 0.25).toFixed(1)} to ${quantile(micros, 0.75).toFixed(1)}`;
  process.stdout.write(`${median(micros).toFixed(1).padStart(6)}  (${range})  ${name}\n`);
}
await bench.close();

function callThrough(
  watchers: Pick<typeof everything, 'log'> & Partial<typeof everything>,
  name: string,
): () => Promise<void> {
  const method = table.methods.get(`/bench.v1.EchoService/${name}`) as Method;
  const dispatcher = createDispatcher({
    table,
    authenticator: { authenticate: () => CALLER },
    authorizer: { isAllowed: () => true },
    clock: { now: () => Date.now() },
    openCalls: new OpenCalls(),
    limits: DEFAULT_LIMITS,
    ...watchers,
  });
  return async () => {
    const metadata = new CallMetadata();
    metadata.add('authorization', 'Bearer token');
    const call = {
      protocol: 'grpc' as const,
      peer: '127.0.0.1:40000',
      metadata,
      timeoutMs: undefined,
      signal: new CallerWatch(),
      responseMetadata: new CallMetadata(),
    };
    await dispatcher.unary(method, call, REQUEST);
  };
}

async function microsOf(call: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  const caller = async () => {
    for (let n = 0; n < CALLS_PER_ROUND / CALLERS; n += 1) await call();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS_PER_ROUND;
}

/** What runs without waiting is timed on its own. */
function timeParts(): [string, number[]][] {
  const method = table.methods.get('/bench.v1.EchoService/Echo') as Method;
  const decodeValid = createDecodeValid(table.registry);
  const encode = createMessageEncoder();
  const parts: Record<string, () => unknown> = {
    'of it: decode and validate, as protobuf-es has it': () => decodeValid(method.descriptor.input, REQUEST),
    'of it: decode for the handler': () => method.requestCodec.decode(REQUEST),
    'of it: encode the answer': () => encode(method.responseCodec, { text: 'the quick brown fox' }),
    'of it: ids of request and trace': () => [requestIdOf(new CallMetadata()), traceOf(new CallMetadata())],
  };
  return Object.entries(parts).map(([name, part]) => [name, Array.from({ length: ROUNDS }, () => microsOfPart(part))]);
}

function microsOfPart(part: () => unknown): number {
  const before = process.cpuUsage();
  for (let n = 0; n < CALLS_PER_ROUND; n += 1) part();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CALLS_PER_ROUND;
}
