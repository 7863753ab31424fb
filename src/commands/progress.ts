import { SingleBar } from 'cli-progress';

/** How far a command is. */
export interface Progress {
  update(done: number): void;
  stop(): void;
}

/** Shows a bar on a terminal, and nothing anywhere else. */
export function createProgress(unit: string, total: number): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    format: `{bar} {percentage}% | {value}/{total} ${unit} | {eta_formatted} left`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(total, 0);
  return { update: (done) => bar.update(Math.min(done, total)), stop: () => bar.stop() };
}
