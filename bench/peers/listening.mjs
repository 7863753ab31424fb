/** Says on which port a server listens, in the form that the benchmark waits for. */
export function sayReady(port) {
  process.stdout.write(`ready 127.0.0.1:${port}\n`);
  process.once('SIGTERM', () => process.exit(0));
}
