import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { mapEach, type Interceptor } from '../../src/rpc/client/interceptors.js';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { aDocument, startCallFixture } from '../support/call-fixture.js';
import { EchoServiceDefinition, type Words } from '../support/echo-contract.js';
import { collect, startEchoServer, words, type EchoServer } from '../support/echo-server.js';
import { rejection } from '../support/rejection.js';
import { GOOD_TOKEN } from '../support/rpc-server.js';

async function* texts(...all: string[]) {
  for (const text of all) yield { text };
}

/** Wraps every text, both ways, so that the answer tells which way it went. */
function mark(name: string): Interceptor {
  const wrap = (message: unknown) => ({ ...(message as Words), text: `${name}(${(message as Words).text})` });
  return (call, requests, next) => mapEach(next(call, mapEach(requests, wrap)), wrap);
}

describe('an interceptor of a client', () => {
  let server: EchoServer;
  const open: { close(): void }[] = [];

  beforeEach(async () => {
    server = await startEchoServer();
  });

  afterEach(async () => {
    for (const client of open.splice(0)) client.close();
    await server.close();
  });

  function clientWith(...interceptors: Interceptor[]) {
    const client = createClient(EchoServiceDefinition, { address: server.address, interceptors });
    open.push(client);
    return client;
  }

  it('stands around a call of each kind, the first outermost', async () => {
    const client = clientWith(mark('a'), mark('b'));

    expect((await client.say({ text: 'x' })).text).to.equal('a(b(b(a(x))))');
    expect((await client.join(texts('x', 'y'))).text).to.equal('a(b(b(a(x)),b(a(y))))');
    expect((await collect(client.repeat({ text: 'x', count: 2 }))).map(({ text }) => text)).to.deep.equal([
      'a(b(b(a(x))0))',
      'a(b(b(a(x))1))',
    ]);
    expect((await collect(client.chat(texts('x', 'y')))).map(({ text }) => text)).to.deep.equal([
      'a(b(b(a(x))))',
      'a(b(b(a(y))))',
    ]);
  });

  it('changes deadline and metadata of the call', async () => {
    let remainingMs = Infinity;
    server.handlers.say = async (ctx, request) => {
      remainingMs = ctx.remainingMs();
      return request;
    };
    const client = clientWith((call, requests, next) => {
      call.metadata.add('x-request-id', 'from-the-interceptor');
      return next({ ...call, timeoutMs: 321 }, requests);
    });
    await client.say({ text: 'x' });

    expect(remainingMs).to.be.at.most(321);
    expect(server.logLines[0]?.['requestId']).to.equal('from-the-interceptor');
  });

  it('answers by itself', async () => {
    const client = clientWith(async function* cached() {
      yield words('cached');
    });

    expect((await client.say({ text: 'x' })).text).to.equal('cached');
    expect(server.logLines).to.have.length(0);
  });

  it('sees how the call failed, and may carry it on again', async () => {
    let calls = 0;
    server.handlers.say = async (_ctx, request) => {
      calls += 1;
      if (calls === 1) throw new ServiceError('CONTENTION', 'busy');
      return request;
    };
    const seen: unknown[] = [];
    const client = clientWith(async function* again(call, requests, next) {
      const kept = await collect(requests);
      const replay = () => mapEach(texts(''), () => kept[0]);
      try {
        yield* next(call, replay());
      } catch (err) {
        seen.push(err instanceof CallError && err.reason);
        yield* next(call, replay());
      }
    });

    expect((await client.say({ text: 'x' })).text).to.equal('x');
    expect(seen).to.deep.equal(['CONTENTION']);
  });

  it('fails the call with what it throws', async () => {
    const client = clientWith(() => {
      throw new RangeError('not today');
    });

    expect((await rejection(client.say({ text: 'x' }), RangeError)).message).to.equal('not today');
    expect((await rejection(collect(client.repeat({ text: 'x', count: 1 })), RangeError)).message).to.equal(
      'not today',
    );
  });

  it('cannot make a call of one answer end without, or with two', async () => {
    const none = clientWith(() => collected([]));
    const two = clientWith(() => collected([words('1'), words('2')]));

    expect((await rejection(none.say({ text: 'x' }), CallError)).message).to.contain('no answer');
    expect((await rejection(two.say({ text: 'x' }), CallError)).message).to.contain('more than one answer');
  });

  it('finds the request complete, so that a call carried on again is one change', async () => {
    const fixture = await startCallFixture();
    const ids: string[] = [];
    fixture.handlers.createDocument = async (_ctx, { requestId }) => {
      ids.push(requestId);
      return aDocument('collections/notes/documents/first');
    };
    const twice: Interceptor = async function* twice(call, requests, next) {
      const kept = await collect(requests);
      await collect(next(call, collected(kept)));
      yield* next(call, collected(kept));
    };
    const client = createClient(DocumentServiceDefinition, {
      address: fixture.server.address,
      token: GOOD_TOKEN,
      interceptors: [twice],
    });
    await client.createDocument({ parent: 'collections/notes', documentId: 'first', document: { fields: {} } });
    client.close();
    await fixture.close();

    expect(ids).to.have.length(2);
    expect(ids[0]).to.match(/^[0-9a-f-]{36}$/);
    expect(ids[1]).to.equal(ids[0]);
  });
});

async function* collected<T>(items: readonly T[]) {
  yield* items;
}
