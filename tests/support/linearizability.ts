/** One call as its caller saw it. Times are of one clock; a call whose outcome nobody knows never ended. */
export interface Operation<I, O> {
  readonly key: string;
  readonly input: I;
  /** `undefined` if the outcome is not known. */
  readonly output: O | undefined;
  readonly start: number;
  /** Infinity if the outcome is not known: it may take effect at any later time, or never. */
  readonly end: number;
}

/** What a single copy of one key would do. */
export interface Model<S extends string, I, O> {
  readonly initial: S;
  /** The state behind a call, or `undefined` if that call cannot have had this output in this state. */
  step(state: S, input: I, output: O | undefined): S | undefined;
}

/**
 * The keys whose history no single copy could have produced: Wing and Gong's search with Lowe's memory of the
 * configurations that led nowhere, one key at a time, which linearizability allows.
 */
export function findViolations<S extends string, I, O>(
  history: readonly Operation<I, O>[],
  model: Model<S, I, O>,
): readonly string[] {
  const histories = new Map<string, Operation<I, O>[]>();
  for (const operation of history) {
    const known = histories.get(operation.key);
    if (known === undefined) histories.set(operation.key, [operation]);
    else known.push(operation);
  }
  return [...histories].filter(([, operations]) => !isLinearizable(operations, model)).map(([key]) => key);
}

interface Configuration<S> {
  /** A bit for each operation that took effect. */
  readonly done: bigint;
  readonly state: S;
}

function isLinearizable<S extends string, I, O>(history: readonly Operation<I, O>[], model: Model<S, I, O>): boolean {
  const operations = [...history].sort((a, b) => a.start - b.start);
  const required = operations.reduce(
    (bits, { end }, index) => (end < Infinity ? bits | (1n << BigInt(index)) : bits),
    0n,
  );
  const seen = new Set<string>();
  const open: Configuration<S>[] = [{ done: 0n, state: model.initial }];
  for (let configuration = open.pop(); configuration; configuration = open.pop()) {
    const { done, state } = configuration;
    if ((done & required) === required) return true;
    const name = `${done}/${state}`;
    if (seen.has(name)) continue;
    seen.add(name);
    open.push(...nextConfigurations(operations, configuration, model));
  }
  return false;
}

// Next to take effect can be any operation that began before every other open one had ended.
function nextConfigurations<S extends string, I, O>(
  operations: readonly Operation<I, O>[],
  { done, state }: Configuration<S>,
  model: Model<S, I, O>,
): Configuration<S>[] {
  const next: Configuration<S>[] = [];
  let firstEnd = Infinity;
  for (const [index, operation] of operations.entries()) {
    const bit = 1n << BigInt(index);
    if ((done & bit) !== 0n) continue;
    if (operation.start > firstEnd) break;
    firstEnd = Math.min(firstEnd, operation.end);
  }
  for (const [index, { start, input, output }] of operations.entries()) {
    const bit = 1n << BigInt(index);
    if ((done & bit) !== 0n) continue;
    if (start > firstEnd) break;
    const after = model.step(state, input, output);
    if (after !== undefined) next.push({ done: done | bit, state: after });
  }
  return next;
}
