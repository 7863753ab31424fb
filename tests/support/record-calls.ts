import { performance } from 'node:perf_hooks';
import type { Ledger } from '../../src/ledger/ledger.js';
import type { Freshness } from '../../src/ledger/reads.js';
import type { StateDocument } from '../../src/store/state.js';
import type { Operation } from './linearizability.js';
import type { RegisterInput } from './register.js';

const COLLECTION = 'orders';
const KEY = 'register';

/** Calls on one document, written down as their callers saw them. */
export interface RecordedCalls {
  put(ledger: Ledger, value: string): Promise<void>;
  get(ledger: Ledger): Promise<void>;
  /** Reads what is at least as new as all that was put. */
  getWithToken(ledger: Ledger): Promise<void>;
  swap(ledger: Ledger, value: string): Promise<void>;
  history(): readonly Operation<RegisterInput, string>[];
}

export function recordCalls(): RecordedCalls {
  const history: Operation<RegisterInput, string>[] = [];
  let token = 0;
  const record = async (input: RegisterInput, call: () => Promise<string>) => {
    const start = performance.now();
    try {
      const output = await call();
      history.push({ key: KEY, input, output, start, end: performance.now() });
    } catch (err) {
      history.push({ key: KEY, input, output: undefined, start, end: Infinity });
      throw err;
    }
  };
  return {
    put: (ledger, value) =>
      record({ kind: 'put', value }, async () => {
        token = Math.max(token, await put(ledger, value));
        return '';
      }),
    get: (ledger) => record({ kind: 'get' }, () => get(ledger)),
    getWithToken: (ledger) => record({ kind: 'get' }, () => get(ledger, token)),
    swap: (ledger, value) => record({ kind: 'swap', value }, () => swap(ledger, value)),
    history: () => history,
  };
}

/** Gives the revision of the commit, which is a token for it. */
async function put(ledger: Ledger, text: string): Promise<number> {
  const write = { kind: 'put', collection: COLLECTION, id: KEY, value: { text } } as const;
  return (await ledger.commit({ writes: [write] })).revision;
}

async function get(ledger: Ledger, freshness: Freshness = 'latest'): Promise<string> {
  return textOf(await ledger.get(COLLECTION, KEY, { freshness }));
}

async function swap(ledger: Ledger, text: string): Promise<string> {
  let before = '';
  await ledger.transact(async (view) => {
    before = textOf(await view.get(COLLECTION, KEY));
    return [{ kind: 'put', collection: COLLECTION, id: KEY, value: { text } }];
  });
  return before;
}

function textOf(document: StateDocument | undefined): string {
  const text = document?.value.text;
  return typeof text === 'string' ? text : '';
}
