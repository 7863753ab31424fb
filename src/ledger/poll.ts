import type { Log } from './log.js';
import type { LedgerLogger, Wake } from './surroundings.js';

export interface PollOptions {
  /** A process that is the only one to append has nothing to look for. */
  readonly enabled: boolean;
  readonly log: Log;
  readonly logger: LedgerLogger;
  readonly wake: Wake | undefined;
  readonly intervalMs: number;
}

/** Looks for commits of other processes: when they announce one, and every so often in case nobody did. */
export function startPoll({ enabled, log, logger, wake, intervalMs }: PollOptions): { stop(): Promise<void> } {
  if (!enabled) return { stop: async () => {} };
  let looking: Promise<void> = Promise.resolve();
  // While one look is under way, the next is shared by all who ask for it.
  const look = () => {
    looking = log.catchUp().catch((err: unknown) => logger.warn({ err }, 'look for new commits failed'));
  };
  // Does not keep the process alive; who serves calls does.
  const timer = setInterval(look, intervalMs).unref();
  const unlisten = wake?.listen((revision) => {
    if (revision <= log.position().revision) return;
    log.heard(revision);
    look();
  });
  return {
    stop: async () => {
      clearInterval(timer);
      unlisten?.();
      await looking;
    },
  };
}
