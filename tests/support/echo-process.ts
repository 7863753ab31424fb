import { startEchoServer } from './echo-server.js';

// A server of the echo contract in a process of its own, for tests that measure it. It ends with its parent.
const server = await startEchoServer({ requestTimeoutMs: 500 });
process.send?.(server.address);
process.on('disconnect', () => process.exit());
