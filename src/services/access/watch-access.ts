import { createHash } from 'node:crypto';
import { AccessCheck } from '../../../gen/keelson/access/v1/access_service.js';
import type { WatchAccessRequest, WatchAccessResponse } from '../../../gen/keelson/access/v1/access_service.js';
import type { CallContext } from '../../rpc/context.js';
import { invalidRequest } from '../../rpc/errors.js';
import type { AccessDecisions } from './access-decisions.js';
import type { AccessModel } from './access-model.js';
import { decideFor } from './check-access.js';

/** What only time changes, such as the end of a binding, is looked for this often. */
const LOOK_INTERVAL_MS = 1_000;
/** A watcher hears at least this often that it is told everything. */
const CHECKPOINT_INTERVAL_MS = 15_000;
const HASH_BYTES = 12;
const TOKEN = /^([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{1,168})$/;

export interface WatchAccessDeps {
  readonly decisions: AccessDecisions;
  readonly model: Pick<AccessModel, 'onChange'>;
}

/**
 * Tells answers, and then each that changes. What counts is the answer as it is: one that changes and changes back while
 * nobody looks is not told. A token holds the answers that were told, so that a resumed watch misses nothing, however long
 * ago that was and whatever process it comes to.
 */
export function createWatchAccess({ decisions, model }: WatchAccessDeps) {
  return async function* watchAccess(
    ctx: CallContext,
    { checks, resumeToken }: WatchAccessRequest,
  ): AsyncGenerator<WatchAccessResponse> {
    const questions = hashOf(ctx, checks);
    let told = resumeToken === '' ? undefined : decodeToken(resumeToken, { questions, count: checks.length });
    let quietSinceMs: number | undefined;
    const wakes = createWakes(model, ctx.signal);
    try {
      await decisions.reach(ctx);
      for (;;) {
        // From here to the end of the comparison there is no await: all are decided on one state.
        const answers = checks.map((check) => decideFor(decisions, ctx, check));
        const before = told;
        const changed = checks.flatMap((check, index) =>
          before?.[index] === answers[index] ? [] : [{ check, allowed: answers[index] ?? false }],
        );
        const nowMs = performance.now();
        if (changed.length > 0 || quietSinceMs === undefined || nowMs - quietSinceMs >= CHECKPOINT_INTERVAL_MS) {
          quietSinceMs = nowMs;
          yield { decisions: changed, resumeToken: encodeToken(questions, answers) };
        }
        told = answers;
        await wakes.next();
        // After this process was away for too long, what it had is gone and has to be read again.
        await decisions.reach(AS_READ);
      }
    } finally {
      wakes.close();
    }
  };
}

const AS_READ = { consistency: { freshness: 'any', saw: () => undefined } } as const;

interface Wakes {
  /** Resolves when something may have changed since it did last. Rejects when the signal aborts. */
  next(): Promise<void>;
  close(): void;
}

function createWakes(model: WatchAccessDeps['model'], signal: AbortSignal): Wakes {
  let hasChanged = false;
  let wake: (() => void) | undefined;
  const onWake = () => {
    hasChanged = true;
    wake?.();
  };
  const stop = model.onChange(onWake);
  const timer = setInterval(onWake, LOOK_INTERVAL_MS).unref();
  signal.addEventListener('abort', onWake);
  return {
    next: async () => {
      if (!hasChanged) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      hasChanged = false;
      signal.throwIfAborted();
    },
    close: () => {
      stop();
      clearInterval(timer);
      signal.removeEventListener('abort', onWake);
    },
  };
}

/** Whoever asks something else, or is somebody else, has not been told. */
function hashOf({ caller }: CallContext, checks: readonly AccessCheck[]): string {
  const hash = createHash('sha256').update(JSON.stringify([caller.name, caller.permissions]));
  for (const check of checks) hash.update(AccessCheck.encode(check).finish()).update('\n');
  return hash.digest().subarray(0, HASH_BYTES).toString('base64url');
}

function encodeToken(questions: string, answers: readonly boolean[]): string {
  const bits = Buffer.alloc(Math.ceil(answers.length / 8));
  for (const [index, allowed] of answers.entries()) {
    if (allowed) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return `${questions}.${bits.toString('base64url')}`;
}

function decodeToken(
  token: string,
  { questions, count }: { readonly questions: string; readonly count: number },
): readonly boolean[] {
  const [, of = '', bits = ''] = TOKEN.exec(token) ?? [];
  const bytes = Buffer.from(bits, 'base64url');
  if (of !== questions || bytes.length !== Math.ceil(count / 8)) {
    throw invalidRequest([
      { field: 'resume_token', description: 'is of another watch: send the same checks, as the same caller' },
    ]);
  }
  return Array.from({ length: count }, (_, index) => (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) === 1);
}
