import { startEchoServer } from './echo-server.js';
import { isTransportName, useTransport } from './on-each-transport.js';

// A server of the echo contract in a process of its own, for tests that measure it. It ends with its parent. Its first
// argument may name the transport. To "memory" it answers what it takes.
const [transport] = process.argv.slice(2);
if (transport !== undefined && isTransportName(transport)) useTransport(transport);
const server = await startEchoServer({ requestTimeoutMs: 500 });
process.send?.(server.address);
process.on('message', (message) => {
  if (message !== 'memory') return;
  globalThis.gc?.();
  process.send?.({ rss: process.memoryUsage.rss(), streams: server.openCalls.size });
});
process.on('disconnect', () => process.exit());
