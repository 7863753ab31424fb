import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Connection } from '../../src/rpc/framed/connection.js';
import { FlushQueue } from '../../src/rpc/framed/output.js';
import type { CallStream } from '../../src/rpc/grpc/call-stream.js';
import { DEFAULT_LIMITS } from '../../src/rpc/limits.js';
import { CallMetadata } from '../../src/rpc/metadata.js';

// Runs h2spec (https://github.com/summerwind/h2spec) against our HTTP/2: `h2spec.js PROGRAM`. What it asks for is answered with a
// message, whatever it is, for it does not speak gRPC. A call takes a moment, so that streams can be open at one time.
const [program = 'h2spec'] = process.argv.slice(2);
const CALL_MS = 20;
const TIMEOUT_SECONDS = 2;
const MESSAGE = Buffer.from('a message');

const queue = new FlushQueue();
const server = createServer((socket) => {
  const peer = { peer: 'h2spec', peerName: undefined };
  new Connection({ socket, peer, limits: DEFAULT_LIMITS, queue, watch: undefined, handle: answerSoon });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const run = spawn(program, ['-h', '127.0.0.1', '-p', String(port), '--timeout', String(TIMEOUT_SECONDS)], {
  stdio: 'inherit',
});
const [code] = (await once(run, 'exit')) as [number | null];
process.exit(code ?? 1);

function answerSoon(stream: CallStream): void {
  stream.body.read({
    piece: () => undefined,
    breakOff: () => undefined,
    end() {
      setTimeout(() => stream.answer({ responseMetadata: new CallMetadata() }).succeedWith(MESSAGE), CALL_MS);
    },
  });
}
