/** One thing that was looked at, and how it is. */
export interface Finding {
  /** What was looked at: `database`. */
  readonly check: string;
  /** A server starts and does its work with a `warning`; with a `problem` it does not, or puts something at risk. */
  readonly level: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** What to do about it. Undefined where nothing has to be done. */
  readonly todo: string | undefined;
}

export function ok(check: string, message: string): Finding {
  return { check, level: 'ok', message, todo: undefined };
}

export function warning(check: string, message: string, todo: string): Finding {
  return { check, level: 'warning', message, todo };
}

export function problem(check: string, message: string, todo: string): Finding {
  return { check, level: 'problem', message, todo };
}

/** The message of whatever was thrown, with that of its cause. */
export function reasonOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err.cause instanceof Error ? `${err.message} (${err.cause.message})` : err.message;
}
