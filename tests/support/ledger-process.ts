// A process with a ledger, for tests that kill and freeze processes. It is started with `node`, the engine and its place.
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import { openEmbeddedStore } from '../../src/store/embedded/open-embedded-store.js';
import { openMongoStore } from '../../src/store/mongo/open-mongo-store.js';
import type { ProcessAnswer, ProcessCall, ProcessRequest } from './process-calls.js';
import { SILENT_LOGGER } from './silent-logger.js';

const COLLECTION = 'registers';

const [engine, place = ''] = process.argv.slice(2);
const store =
  engine === 'embedded' ? await openEmbeddedStore({ dataDir: place }) : await openMongoStore({ url: place });
await store.declareCollections([COLLECTION]);
const ledger = await createLedger({ store, logger: SILENT_LOGGER, pollIntervalMs: 50 });

process.on('message', (request: ProcessRequest) => void serve(request));
// The test is gone; so is the reason to be here.
process.on('disconnect', () => process.exit(0));
send({ kind: 'ready' });

async function serve({ id, call }: ProcessRequest): Promise<void> {
  try {
    if (call.kind === 'follow') await follow(call.after);
    else send({ kind: 'output', id, output: await perform(ledger, call) });
  } catch (err) {
    send({ kind: 'failure', id, message: String(err) });
  }
}

async function perform(on: Ledger, call: Exclude<ProcessCall, { kind: 'follow' }>): Promise<string> {
  const { key } = call;
  if (call.kind === 'get') return textOf((await on.get(COLLECTION, key))?.value.text);
  const put = { kind: 'put', collection: COLLECTION, id: key, value: { text: call.value } } as const;
  const request = { caller: 'test', id: call.value, fingerprint: call.value };
  if (call.kind === 'put') {
    await on.commit({ writes: [put], request });
    return '';
  }
  let before = '';
  await on.transact(async (view) => {
    before = textOf((await view.get(COLLECTION, key))?.value.text);
    return [put];
  });
  return before;
}

async function follow(after: number): Promise<void> {
  for await (const event of ledger.follow({ after })) {
    if (event.kind === 'commit') send({ kind: 'followed', revision: event.commit.revision });
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function send(answer: ProcessAnswer): void {
  process.send?.(answer);
}
