/** What a read gave: the text of a register, '' for none, and the revision that it had to have seen at least. */
export interface ObservedRead {
  readonly key: string;
  readonly text: string;
  readonly atLeast: number;
}

/** What the log says became of a register at a revision; '' for its removal. In the order of revisions. */
export interface LoggedWrite {
  readonly key: string;
  readonly text: string;
  readonly revision: number;
}

/**
 * The reads that the log does not explain: of a value that the register never had, or had only before the revision that
 * the read asked for.
 */
export function findUnexplained(reads: readonly ObservedRead[], log: readonly LoggedWrite[]): readonly ObservedRead[] {
  const versions = new Map<string, LoggedWrite[]>();
  for (const write of log) {
    const known = versions.get(write.key);
    if (known === undefined) versions.set(write.key, [{ key: write.key, text: '', revision: 0 }, write]);
    else known.push(write);
  }
  return reads.filter(({ key, text, atLeast }) => {
    const known = versions.get(key) ?? [{ key, text: '', revision: 0 }];
    return !known.some((version, index) => version.text === text && (known[index + 1]?.revision ?? Infinity) > atLeast);
  });
}
