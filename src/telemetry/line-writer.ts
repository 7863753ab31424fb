import { pino, type Logger } from 'pino';

/** What pino begins a line with, and where it puts it. */
interface LineParts {
  readonly [pino.symbols.lsCacheSym]: Readonly<Record<number, string>>;
  readonly [pino.symbols.timeSym]: () => string;
  readonly [pino.symbols.chindingsSym]: string;
  readonly [pino.symbols.streamSym]: { write(line: string): void };
}

/** Writes a line with those members, which are JSON, each behind a comma. */
export type LineWriter = (members: string) => void;

/**
 * Makes a writer of lines at info whose members are JSON already; they look like any other line of the log. For the line that
 * every call writes: pino looks at each key of it and at each character, which took a seventh of a small call.
 */
export function createLineWriter(log: Logger): LineWriter {
  const parts = log as Logger & LineParts;
  const head = parts[pino.symbols.lsCacheSym][pino.levels.values['info'] ?? 0];
  return (members) => {
    if (log.isLevelEnabled('info'))
      parts[pino.symbols.streamSym].write(
        `${head}${parts[pino.symbols.timeSym]()}${parts[pino.symbols.chindingsSym]}${members}}\n`,
      );
  };
}

// Everything in ASCII that JSON takes as it is.
const PLAIN = /^[ !#-[\]-~]*$/;

/** Writes a text as JSON. */
export function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
