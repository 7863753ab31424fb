import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { once } from 'node:events';
import { pino } from 'pino';
import { DEFAULT_HTTP_LIMITS } from '../../src/gateway/http-limits.js';
import { createHttpGateway } from '../../src/gateway/http-server.js';
import { createGrpcServer } from '../../src/rpc/grpc/server.js';
import { createGrpcJsServer } from '../../src/rpc/grpc-js/server.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import { createMethodTable } from '../../src/rpc/method-table.js';
import { OpenCalls } from '../../src/rpc/open-calls.js';
import { createDispatcher } from '../../src/rpc/pipeline.js';
import { KnowingAll, withoutOwnDetails } from './adapt.js';
import { make, messageOf, readContract, type ServerRequest } from './contract.js';
import { createConformanceService } from './service.js';

// A server for the conformance runner of Connect: `server.js IMAGE [framed|http2|grpc-js]`. Reads what it shall be from standard
// input, says on standard output where it listens, and ends with SIGTERM.
const [imageFile = '', transport = 'framed'] = process.argv.slice(2);
const GRPC = 2;
const HEAD_BYTES = 4;

const registry = readContract(imageFile);
const { protocol, messageReceiveLimit } = await readRequest();
// The suite compresses what is all the same letter.
const inflateRatioMax = 2000;
const limits = {
  ...DEFAULT_LIMITS,
  inflateRatioMax,
  messageBytesMax: messageReceiveLimit || DEFAULT_LIMITS.messageBytesMax,
};
const port = protocol === GRPC ? await serveGrpc() : await serveBrowsers();
const response = toBinary(
  messageOf(registry, 'ServerCompatResponse'),
  make(registry, 'ServerCompatResponse', { host: '127.0.0.1', port }),
);
const head = Buffer.alloc(HEAD_BYTES);
head.writeUInt32BE(response.length);
process.stdout.write(Buffer.concat([head, response]));
process.on('SIGTERM', () => process.exit());

async function readRequest(): Promise<ServerRequest> {
  const chunks: Buffer[] = [];
  for (;;) {
    const bytes = Buffer.concat(chunks);
    if (bytes.length >= HEAD_BYTES && bytes.length >= HEAD_BYTES + bytes.readUInt32BE(0)) {
      const whole = bytes.subarray(HEAD_BYTES, HEAD_BYTES + bytes.readUInt32BE(0));
      return fromBinary(messageOf(registry, 'ServerCompatRequest'), whole) as ServerRequest;
    }
    chunks.push(...((await once(process.stdin, 'data')) as [Buffer]));
  }
}

function wire() {
  const log = pino({ level: 'fatal' }, process.stderr);
  const table = createMethodTable(registry, [createConformanceService(registry)]);
  const dispatcher = withoutOwnDetails(
    createDispatcher({
      table,
      authenticator: { authenticate: () => Promise.resolve(undefined) },
      authorizer: { isAllowed: () => Promise.resolve(false) },
      clock: { now: () => Date.now() },
      log,
      openCalls: new OpenCalls(),
      // The limit is on what is received; the answers of the suite hold the requests and so are larger.
      limits: DEFAULT_LIMITS,
    }),
  );
  return { log, table, dispatcher };
}

async function serveGrpc(): Promise<number> {
  const createServer = transport === 'grpc-js' ? createGrpcJsServer : createGrpcServer;
  const { table, ...others } = wire();
  return createServer({ ...others, table: { ...table, methods: new KnowingAll(table.methods) }, limits }).listen(
    '127.0.0.1:0',
  );
}

async function serveBrowsers(): Promise<number> {
  const gateway = createHttpGateway({
    ...wire(),
    isReady: () => true,
    serverInfo: { name: 'keelson', version: '1' },
    limits: { ...DEFAULT_HTTP_LIMITS, bodyBytesMax: limits.messageBytesMax },
  });
  return (await gateway.listen({ host: '127.0.0.1', port: 0 })).port;
}
