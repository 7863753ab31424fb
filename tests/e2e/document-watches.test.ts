import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import {
  DocumentServiceDefinition,
  WatchEventKind,
  type WatchDocumentsResponse,
} from '../../gen/keelson/documents/v1/document_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient, type ServiceClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';

const HOOK_MS_MAX = 60_000;
const WATCH_MS_MAX = 60_000;

describe('watches of documents, on the embedded engine', () => testWatches(() => ({})));

describeMongo('watches of documents, on MongoDB', (server) =>
  testWatches(() => ({ KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) })),
);

function testWatches(settings: () => Readonly<Record<string, string>>): void {
  let app: TestApp;
  let documents: ServiceClient<typeof DocumentServiceDefinition>;
  let parent: string;
  let serial = 0;

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    app = await startTestApp(settings());
    documents = createClient(DocumentServiceDefinition, app);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    documents.close();
    await app.close();
  });

  beforeEach(() => {
    serial += 1;
    parent = `collections/w${serial}`;
  });

  const nameOf = (id: string) => `${parent}/documents/${id}`;
  const put = (id: string, n: number) =>
    documents.commitDocuments({
      parent,
      writes: [{ operation: { $case: 'update', value: { name: nameOf(id), fields: { n } } } }],
    });
  const remove = (id: string) => documents.deleteDocument({ name: nameOf(id) });

  /** What a watch told, as `a=1` and `-a`, until `isEnough`. */
  const collect = async (
    request: Parameters<typeof documents.watchDocuments>[0],
    isEnough: (told: readonly string[], last: WatchDocumentsResponse) => boolean,
  ) => {
    const told: string[] = [];
    let token = '';
    for await (const message of documents.watchDocuments({ parent, ...request })) {
      for (const { change } of message.changes) {
        const id = (name: string) => name.slice(name.lastIndexOf('/') + 1);
        if (change?.$case === 'put') told.push(`${id(change.value.name)}=${String(change.value.fields?.['n'])}`);
        else told.push(`-${id(change?.value ?? '')}`);
      }
      token = message.resumeToken || token;
      if (isEnough(told, message)) break;
    }
    return { told, token };
  };

  it('tell the state and then every change, without a gap', async () => {
    await put('a', 1);
    await put('b', 2);
    let isWriting = true;
    let written = 2;
    const writing = (async () => {
      for (; isWriting; written += 1) await put('c', written + 1);
    })();

    const states: number[] = [];
    await collect({ initialState: true }, (told) => {
      states.push(told.length);
      return told.length > 30;
    }).then(({ told }) => {
      isWriting = false;
      const steps = told.filter((one) => one.startsWith('c=')).map((one) => Number(one.slice(2)));
      expect(steps).to.deep.equal(steps.map((_, index) => (steps[0] ?? 0) + index));
      expect(told.filter((one) => !one.startsWith('c='))).to.deep.equal(['a=1', 'b=2']);
    });
    await writing;
  }).timeout(WATCH_MS_MAX);

  it('resume behind a token, and behind a revision', async () => {
    const { revision } = await put('a', 1);
    await put('b', 2);
    await put('a', 3);
    const first = await collect({ afterRevision: revision }, (told) => told.length >= 2);
    await remove('b');
    await put('c', 4);

    const second = await collect({ resumeToken: first.token }, (told) => told.length >= 2);

    expect(first.told).to.deep.equal(['b=2', 'a=3']);
    expect(second.told).to.deep.equal(['-b', 'c=4']);
  }).timeout(WATCH_MS_MAX);

  it('tell a change that leaves the filter as a removal', async () => {
    const { revision } = await put('a', 5);
    await put('a', 1);
    await put('b', 9);

    const { told } = await collect({ afterRevision: revision, filter: 'fields.n > 3' }, (all) => all.length >= 2);

    expect(told).to.deep.equal(['-a', 'b=9']);
  }).timeout(WATCH_MS_MAX);

  it('tell through a filter what enters and what leaves, behind the state that met it', async () => {
    const among = ({ n }: { n: number }) => n > 3;
    for (const [id, n] of [
      ['in', 5],
      ['out', 1],
    ] as const)
      await put(id, n);
    const steps = [2, 7, 7, 1, 9, 3, 4, 4, 0].map((n) => ({ n }));
    let at = -1;
    const { told } = await collect({ initialState: true, filter: 'fields.n > 3' }, (all, { resumeToken }) => {
      // The state has come: every change from now on is behind it.
      if (at === -1 && resumeToken !== '') {
        at = 0;
        void (async () => {
          for (const { n } of steps) await put('out', n);
          await put('end', 10);
        })();
      }
      return all.at(-1) === 'end=10';
    });

    expect(told[0]).to.equal('in=5');
    const changes = steps.map((step) => (among(step) ? `out=${step.n}` : '-out'));
    expect(told.slice(1)).to.deep.equal([...changes, 'end=10']);
  }).timeout(WATCH_MS_MAX);

  it('begin with what is answered after the call, and say at once from where', async () => {
    await put('a', 1);
    const kinds: WatchEventKind[] = [];
    const { told } = await collect({}, (all, { kind }) => {
      kinds.push(kind);
      if (kinds.length === 1) void put('b', 2);
      return all.length > 0;
    });

    expect(kinds[0]).to.equal(WatchEventKind.WATCH_EVENT_KIND_CHECKPOINT);
    expect(told).to.deep.equal(['b=2']);
  }).timeout(WATCH_MS_MAX);

  it('refuse a token of another watch, and one that somebody made up', async () => {
    await put('a', 1);
    const { token } = await collect({ initialState: true }, (_, { resumeToken }) => resumeToken !== '');

    for (const request of [{ resumeToken: token, filter: 'fields.n = 1' }, { resumeToken: 'x'.repeat(20) }]) {
      const err = await rejection(
        collect(request, () => true),
        CallError,
      );
      expect(err.violations.map(({ field }) => field)).to.deep.equal(['resume_token']);
    }
  });

  it('go on in a browser from the last event', async () => {
    const { revision } = await put('a', 1);
    await put('b', 2);
    const read = async (url: string, headers: Record<string, string>) => {
      const ending = new AbortController();
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${app.token}`, accept: 'text/event-stream', ...headers },
        signal: ending.signal,
      });
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
        if (/^data: .*\n\n/m.test(text)) break;
      }
      ending.abort();
      return text;
    };
    const url = `${app.http}/v1/${parent}/documents:watch?afterRevision=${revision}`;

    const first = await read(url, {});
    const id = /^id: (.*)$/m.exec(first)?.[1] ?? '';
    await put('c', 3);
    const second = await read(url, { 'last-event-id': id });

    expect(first).to.include(nameOf('b'));
    expect(second).to.include(nameOf('c')).and.not.to.include(nameOf('b'));
  }).timeout(WATCH_MS_MAX);

  it('let a slow reader slow nobody else down, and lose nothing', async () => {
    const { revision } = await put('a', 0);
    const slow = documents.watchDocuments({ parent, afterRevision: revision })[Symbol.asyncIterator]();
    const writes = Array.from({ length: 100 }, (_, n) => n + 1);
    const fast = collect({ afterRevision: revision }, (told) => told.length >= writes.length);
    for (const n of writes) await put('a', n);

    expect((await fast).told).to.deep.equal(writes.map((n) => `a=${n}`));
    const seen: number[] = [];
    while (seen.length < writes.length) {
      const { value } = (await slow.next()) as { value: WatchDocumentsResponse };
      for (const { change } of value.changes)
        if (change?.$case === 'put') seen.push(Number(change.value.fields?.['n']));
    }
    await slow.return?.();
    expect(seen).to.deep.equal(writes);
  }).timeout(180_000);
}
