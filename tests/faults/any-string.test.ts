import { create } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { toStatusText } from '../../src/rpc/metadata.js';
import type { AnyHandler } from '../../src/rpc/service.js';
import { toStatusError } from '../../src/rpc/status.js';
import { openEveryProtocol, type Protocols } from '../support/every-protocol.js';
import { startEchoServer, words } from '../support/echo-server.js';
import { EchoServiceDefinition } from '../support/echo-contract.js';
import { nastyText } from '../support/nasty-text.js';
import { onEachTransport } from '../support/on-each-transport.js';
import { definitionOf, peopleRegistry } from '../support/people-contract.js';
import { createRandom } from '../support/random.js';
import { GOOD_TOKEN, startRpcServerWith, type RpcServer } from '../support/rpc-server.js';
import { seed } from '../support/seed.js';

/** All calls of both transports together; `KEELSON_TEST_FUZZ_CASES=100000` takes some minutes. */
const CASES = Number(process.env['KEELSON_TEST_FUZZ_CASES'] ?? 4000);
const PURE_CASES = 100_000;
const CONCURRENT = 50;
const SERVICE = 'people.v1.PeopleService';

/** What of a text arrives: it is well-formed, and cut to what a status may take. */
function asTold(text: string): string {
  return toStatusError(new ServiceError('CONTENTION', text), '').message;
}

async function atOnce(cases: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < cases; index = next++) await run(index);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
}

describe('a status with any text', function () {
  this.timeout(120_000);

  it('fits a header, and comes out of it as it went in', () => {
    const random = createRandom(seed());
    for (let index = 0; index < PURE_CASES; index += 1) {
      const text = nastyText(random);
      const status = toStatusError(new ServiceError('CONTENTION', text), '');
      const header = toStatusText(status.message);
      if (!/^(?:[!-~](?:[ -~]*[!-~])?)?$/.test(header)) expect.fail(`not a header: ${JSON.stringify(text)}`);
      if (decodeURIComponent(header) !== status.message) expect.fail(`not the same: ${JSON.stringify(text)}`);
      if (!status.message.isWellFormed()) expect.fail(`half a character: ${JSON.stringify(text)}`);
    }
  });
});

onEachTransport(() => {
  describe('a call with any text', function () {
    this.timeout(600_000);

    it('fails with code and text at a grpc-js client, whatever the text', async () => {
      const random = createRandom(seed());
      const texts = Array.from({ length: CASES / 4 }, () => nastyText(random));
      const server = await startEchoServer();
      const client = createClient(EchoServiceDefinition, { address: server.address, attemptsMax: 1 });
      const refuse = (count: number) =>
        new ServiceError('CONTENTION', texts[count] ?? '', { metadata: { text: texts[count] ?? '' } });
      server.handlers.say = async (_ctx, { count }) => {
        throw refuse(count);
      };
      server.handlers.repeat = async function* (_ctx, { count }) {
        yield words('first');
        throw refuse(count);
      };
      try {
        await atOnce(texts.length, async (count) => {
          const metadata = {
            'x-note': texts[count]?.slice(0, 500) ?? '',
            tracestate: texts[count]?.slice(0, 100) ?? '',
          };
          const err = await failureOf(async () => {
            if (count % 2 === 0) await client.say({ count }, { metadata });
            else
              for await (const answer of client.repeat({ count }, { metadata })) expect(answer.text).to.equal('first');
          });
          const seen = { code: err.codeName, message: err.message, reason: err.reason };
          expect(seen, JSON.stringify(texts[count])).to.deep.equal({
            code: 'ABORTED',
            message: asTold(texts[count] ?? ''),
            reason: 'CONTENTION',
          });
        });
      } finally {
        client.close();
        await server.close();
      }
    });

    context('through the shim', () => {
      let server: RpcServer;
      let protocols: Protocols;
      let texts: string[];

      before(async () => {
        const random = createRandom(seed());
        texts = Array.from({ length: CASES / 4 }, () => nastyText(random));
        const refuse: AnyHandler = async (_ctx, request) => {
          const { padding } = request as { padding: string };
          throw new ServiceError('CONTENTION', texts[Number(padding)] ?? '');
        };
        const definition = definitionOf(peopleRegistry(), SERVICE);
        const handlers: Record<string, AnyHandler> = {
          createPerson: refuse,
          async *repeatPerson(ctx, request, call) {
            const schema = peopleRegistry().getMessage('people.v1.Person');
            if (schema !== undefined) yield create(schema);
            await refuse(ctx, request, call);
          },
          getPerson: refuse,
          importPeople: refuse,
        };
        const service = { definition, handlers, policy: undefined };
        server = await startRpcServerWith({ services: [service], registry: peopleRegistry() });
        protocols = await openEveryProtocol(server, GOOD_TOKEN);
      });

      after(async () => {
        await protocols?.close();
        await server?.close();
      });

      it('fails with code and text over every protocol, whatever the text', async () => {
        const person = { parent: 'towns/paris', email: 'a@b', password: 'long enough', badges: { door: '1' } };
        await atOnce(texts.length, async (index) => {
          const protocol = protocols.all[index % protocols.all.length];
          const method = `/${SERVICE}/${index % 3 === 0 ? 'RepeatPerson' : 'CreatePerson'}`;
          const { ok, text } = (await protocol?.call(method, { ...person, padding: String(index) })) ?? {};
          const told = asTold(texts[index] ?? '');
          expect(ok, `${protocol?.name} ${JSON.stringify(texts[index])}`).to.equal(false);
          // As it is in Protobuf, escaped in JSON, or encoded in a header.
          const forms = [JSON.stringify(told).slice(1, -1), toStatusText(told), encodeURIComponent(told), told];
          const seen = forms.some((form) => text?.includes(form));
          expect(seen, `${protocol?.name} ${method} ${JSON.stringify(texts[index])}: ${text?.slice(0, 500)}`).to.equal(
            true,
          );
          expect(text).to.match(/ABORTED|aborted|grpc-status"?: ?"?10|CONTENTION/);
        });
      });
    });
  });
});

async function failureOf(run: () => Promise<void>): Promise<CallError> {
  try {
    await run();
  } catch (err) {
    if (err instanceof CallError) return err;
    throw err;
  }
  throw new Error('Expected a CallError');
}
