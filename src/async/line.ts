/** Carries messages to one other process, in their order, and from it. Objects arrive as they are: bigints, bytes, holes. */
export interface Line {
  send(message: LineMessage): void;
  /** The function that is returned ends it. */
  listen(listener: (message: LineMessage) => void): () => void;
}

/** A message names its channel, for several conversations share a line. */
export interface LineMessage {
  readonly channel: string;
  readonly [key: string]: unknown;
}

/** What the other side of a line refused; `reason` is that of the error that it met, where that had one. */
export class LineCallError extends Error {
  override readonly name = 'LineCallError';
  readonly reason: string | undefined;

  constructor(message: string, reason: string | undefined) {
    super(message);
    this.reason = reason;
  }
}

/** What this side answers to calls by name. */
export type LineAnswers = Readonly<Record<string, (argument: never) => unknown>>;

/** Answers the calls of a channel. The function that is returned ends it. */
export function answerCalls(line: Line, channel: string, answers: LineAnswers): () => void {
  return line.listen((message) => {
    if (message.channel !== channel || message['kind'] !== 'call') return;
    const { id, name, argument } = message;
    perform(answers, String(name), argument).then(
      (result) => line.send({ channel, kind: 'answer', id, result }),
      (err: unknown) => line.send({ channel, kind: 'answer', id, failure: describeFailure(err) }),
    );
  });
}

/** Calls what the other side of a line answers by name. */
export interface LineCaller {
  /** Rejects with LineCallError where the other side fails. */
  call(name: string, argument: unknown): Promise<unknown>;
  /** Fails what is waited for, and all that is asked later, with that error. */
  close(err: Error): void;
}

export function createLineCaller(line: Line, channel: string): LineCaller {
  const waiting = new Map<number, { resolve(result: unknown): void; reject(err: Error): void }>();
  let nextId = 0;
  let closed: Error | undefined;
  const unlisten = line.listen((message) => {
    if (message.channel !== channel || message['kind'] !== 'answer') return;
    const id = message['id'] as number;
    const call = waiting.get(id);
    waiting.delete(id);
    const failure = message['failure'] as Failure | undefined;
    if (failure === undefined) call?.resolve(message['result']);
    else call?.reject(new LineCallError(failure.message, failure.reason));
  });
  return {
    call: (name, argument) =>
      new Promise((resolve, reject) => {
        if (closed !== undefined) return reject(closed);
        const id = nextId++;
        waiting.set(id, { resolve, reject });
        line.send({ channel, kind: 'call', id, name, argument });
      }),
    close(err) {
      closed ??= err;
      unlisten();
      for (const call of waiting.values()) call.reject(closed);
      waiting.clear();
    },
  };
}

interface Failure {
  readonly message: string;
  readonly reason: string | undefined;
}

async function perform(answers: LineAnswers, name: string, argument: unknown): Promise<unknown> {
  if (!Object.hasOwn(answers, name)) throw new TypeError(`Cannot answer "${name}": there is no such call`);
  return (answers[name] as (value: unknown) => unknown)(argument);
}

function describeFailure(err: unknown): Failure {
  if (!(err instanceof Error)) return { message: String(err), reason: undefined };
  return { message: err.message, reason: 'reason' in err ? String(err.reason) : undefined };
}
