// What a good engineer writes by hand with Fastify for the same call. With `full`, it does what Keelson does for each call:
// a token that is looked up and compared by its hash, a permission, validation, a deadline, ids of request and trace, metrics, a log
// line, and headers that say what no browser may do with the answer.
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import Fastify from 'fastify';
import pino from 'pino';
import { Counter, Histogram, Registry } from 'prom-client';
import { sayReady } from './listening.mjs';

const SECRET = 'bench-secret';
const SAFE_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;
const full = process.argv[2] === 'full';

const app = Fastify({
  logger: full ? { level: 'info', stream: pino.destination({ dest: 2, sync: false }) } : false,
  disableRequestLogging: true,
  genReqId: () => (full ? randomUUID() : ''),
});

const schema = {
  params: {
    type: 'object',
    properties: { echo: { type: 'string', pattern: '^[a-z][a-z0-9-]{0,62}$' } },
  },
  body: {
    type: 'object',
    required: ['text'],
    additionalProperties: false,
    properties: { text: { type: 'string', minLength: 1, maxLength: 1024 } },
  },
  response: { 200: { type: 'object', properties: { text: { type: 'string' } } } },
};

if (full) addWhatKeelsonDoes(app);
// A colon begins a parameter, unless it is doubled.
app.post('/v1/echoes/:echo::echo', { schema }, async ({ body }) => ({ text: body.text }));

await app.listen({ port: 0, host: '127.0.0.1' });
sayReady(app.server.address().port);

function addWhatKeelsonDoes(server) {
  const keys = new Map([
    ['bench', { name: 'serviceAccounts/bench', permissions: ['bench.echoes.get'], secretHash: hash(SECRET) }],
  ]);
  const registers = [new Registry()];
  const calls = new Counter({ name: 'calls_total', help: 'Calls', labelNames: ['route', 'code'], registers });
  const durations = new Histogram({ name: 'seconds', help: 'Durations', labelNames: ['route'], registers });

  server.decorateRequest('caller', null);
  server.decorateRequest('deadline', null);
  server.decorateRequest('traceId', null);
  server.addHook('onRequest', async (request, reply) => {
    const traceparent = TRACEPARENT.exec(request.headers.traceparent ?? '');
    request.traceId = traceparent?.[1] ?? randomUUID().replaceAll('-', '');
    request.deadline = setTimeout(() => reply.code(504).send({ error: 'too late' }), 5000);
    const [id, secret] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]?.split('.') ?? [];
    const key = keys.get(id);
    if (key === undefined || !timingSafeEqual(hash(secret), key.secretHash)) return reply.code(401).send({});
    request.caller = key;
    if (!key.permissions.includes('bench.echoes.get')) return reply.code(403).send({});
    reply.header('x-request-id', request.id);
    reply.headers(SAFE_HEADERS);
  });
  server.addHook('onResponse', async (request, reply) => {
    clearTimeout(request.deadline);
    const route = request.routeOptions.url;
    calls.inc({ route, code: reply.statusCode });
    durations.observe({ route }, reply.elapsedTime / 1000);
    const { id: requestId, caller, ip: peer } = request;
    const line = {
      route,
      code: reply.statusCode,
      durationMs: reply.elapsedTime,
      requestId,
      traceId: request.traceId,
      caller: caller?.name,
      peer,
    };
    request.log.info(line, 'call');
  });
}

function hash(text) {
  return createHash('sha256').update(text).digest();
}
