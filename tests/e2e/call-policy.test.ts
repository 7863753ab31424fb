import { anyPack } from '@bufbuild/protobuf/wkt';
import { create, toJson, type JsonValue } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import type { AuditRecord } from '../../src/rpc/access.js';
import type { CallContext } from '../../src/rpc/context.js';
import { invalidRequest, ServiceError } from '../../src/rpc/errors.js';
import type { AnyHandler } from '../../src/rpc/service.js';
import { openEveryProtocol, type Protocols } from '../support/every-protocol.js';
import { onEachTransport } from '../support/on-each-transport.js';
import { definitionOf, peopleRegistry } from '../support/people-contract.js';
import { GOOD_TOKEN, READER_TOKEN, startRpcServerWith, type RpcServer } from '../support/rpc-server.js';

const SERVICE = 'people.v1.PeopleService';
const CREATE = `/${SERVICE}/CreatePerson`;
const GET = `/${SERVICE}/GetPerson`;
const REPEAT = `/${SERVICE}/RepeatPerson`;

const EMAIL = 'ada.lovelace@example.org';
const PASSWORD = 'hunter2"\\ü';
const BADGE = 'north-door-key';
/** Long enough not to stand in a random id by chance. */
const BADGE_NUMBER = '770010077001';
const STREET = 'Rue du Secret 12';
const PHOTO = Buffer.from('a face, in bytes');

/** Every form in which a value of the request below could be seen. */
const VALUES = [
  EMAIL,
  PASSWORD,
  JSON.stringify(PASSWORD).slice(1, -1),
  encodeURIComponent(EMAIL),
  BADGE,
  BADGE_NUMBER,
  STREET,
  PHOTO.toString(),
  PHOTO.toString('base64'),
  PHOTO.toString('hex'),
];

const PERSON = {
  parent: 'towns/paris',
  email: EMAIL,
  password: PASSWORD,
  badges: { [BADGE]: BADGE_NUMBER },
  home: { city: 'Paris', street: STREET },
  photo: PHOTO.toString('base64'),
} satisfies JsonValue;

onEachTransport(() => {
  describe('the policy of a method', () => {
    const handlers: Record<string, AnyHandler> = {};
    const kept: AuditRecord[] = [];
    let keep: (entry: AuditRecord) => Promise<void>;
    let server: RpcServer;
    let protocols: Protocols;

    before(async () => {
      const definition = definitionOf(peopleRegistry(), SERVICE);
      const lookUp =
        (key: string): AnyHandler =>
        (...args) =>
          handlers[key]?.(...args);
      server = await startRpcServerWith({
        services: [
          {
            definition,
            handlers: Object.fromEntries(Object.keys(definition.methods).map((key) => [key, lookUp(key)])),
            policy: undefined,
          },
        ],
        registry: peopleRegistry(),
        audit: { record: (entry) => keep(entry) },
      });
      protocols = await openEveryProtocol(server, GOOD_TOKEN);
    });

    beforeEach(() => {
      kept.length = 0;
      (server.logLines as unknown[]).length = 0;
      keep = async (entry) => void kept.push(entry);
      handlers['createPerson'] = async () => aPerson();
      handlers['getPerson'] = async () => aPerson();
      handlers['repeatPerson'] = () => repeat(1);
      handlers['importPeople'] = async (_ctx, requests) => {
        for await (const _ of requests as AsyncIterable<unknown>);
        return aPerson();
      };
    });

    after(async () => {
      await protocols.close();
      await server.close();
    });

    async function onEachProtocol(method: string, request: JsonValue, check: (text: string, name: string) => void) {
      for (const protocol of protocols.all) {
        const { ok, text } = await protocol.call(method, request);
        expect(ok, `${protocol.name}: ${text}`).to.equal(false);
        check(text, protocol.name);
      }
    }

    function expectNothingSeen(text: string, name: string): void {
      const everything = `${text}\n${JSON.stringify(server.logLines)}\n${JSON.stringify(kept)}`;
      for (const value of VALUES) expect(everything, `${name} shows ${value}`).not.to.include(value);
    }

    context('that states limits', () => {
      it('refuses larger requests, and names the limit', async () => {
        await onEachProtocol(CREATE, { ...PERSON, padding: 'x'.repeat(5000) }, (text, name) => {
          expect(text, name).to.include('MESSAGE_TOO_LARGE').and.to.include('request_bytes_max').and.to.include('4096');
        });
      });

      it('refuses larger answers', async () => {
        handlers['createPerson'] = async () => ({ ...aPerson(), name: 'x'.repeat(3000) });

        await onEachProtocol(CREATE, PERSON, (text, name) => {
          expect(text, name).to.include('MESSAGE_TOO_LARGE').and.to.include('response_bytes_max');
        });
      });

      it('ends a stream of more answers', async () => {
        handlers['repeatPerson'] = () => repeat(4);

        await onEachProtocol(REPEAT, PERSON, (text, name) => {
          expect(text, name).to.include('LIMIT_EXCEEDED').and.to.include('response_messages_max');
        });
      });

      it('lets through what is within them', async () => {
        handlers['repeatPerson'] = () => repeat(3);

        for (const protocol of protocols.all) {
          expect((await protocol.call(REPEAT, PERSON)).ok, protocol.name).to.equal(true);
          expect((await protocol.call(CREATE, { ...PERSON, padding: 'x'.repeat(3000) })).ok).to.equal(true);
        }
      });
    });

    context('with sensitive fields', () => {
      it('lets no value out where they are against a rule', async () => {
        const wrong: readonly JsonValue[] = [
          { ...PERSON, email: 'no-at-in-this-one', password: 'no-at-in-this-one' },
          { ...PERSON, email: 'ada.lovelace@example.org', password: 'ada.lovelace@example.org' },
          { ...PERSON, badges: { [BADGE]: '-1' } },
          { ...PERSON, password: 'abc' },
        ];
        for (const request of wrong) {
          await onEachProtocol(CREATE, request, (text, name) => {
            expect(text, name).to.include('INVALID_REQUEST');
            expectNothingSeen(text, name);
            expect(text, name).not.to.include('no-at-in-this-one');
          });
        }
      });

      it('lets no value out where JSON does not fit them', async () => {
        const [, json] = protocols.all;
        const rest = protocols.all.at(-1);
        for (const protocol of [json, rest]) {
          const { ok, text } = (await protocol?.call(CREATE, { ...PERSON, badges: { [BADGE]: 'x' } })) ?? {};
          expect(ok).to.equal(false);
          expect(text).to.include('badges').and.to.include('INVALID_REQUEST');
          expectNothingSeen(text ?? '', protocol?.name ?? '');
        }
      });

      const leaks: Readonly<Record<string, (ctx: CallContext) => Promise<unknown>>> = {
        'a refusal': async () => {
          throw new ServiceError('RESOURCE_EXISTS', `There is ${EMAIL} with ${JSON.stringify(PASSWORD)}`, {
            metadata: { email: EMAIL, street: STREET },
            resource: { type: 'people.dev/Person', name: `people/${encodeURIComponent(EMAIL)}` },
          });
        },
        'violations of its own': async () => {
          throw invalidRequest([
            { field: `badges["${BADGE}"]`, description: `${BADGE_NUMBER} is taken, ${PASSWORD} too` },
          ]);
        },
        'an unexpected error': async () => {
          throw new Error(`duplicate key ${EMAIL}`, { cause: new TypeError(`at ${STREET} ${PHOTO.toString('hex')}`) });
        },
        'what it logs': async (ctx) => {
          ctx.log.info({ who: EMAIL, inner: [{ [BADGE]: Number(BADGE_NUMBER) }] }, `photo ${PHOTO.toString('base64')}`);
          ctx.log.child({ street: STREET }).warn(new Error(PASSWORD));
          throw new ServiceError('CONTENTION', 'Try again');
        },
        'a text that was cut': async () => {
          throw new ServiceError('CONTENTION', `Cannot take ${EMAIL.slice(0, 15)}`);
        },
      };
      for (const [what, handler] of Object.entries(leaks)) {
        it(`lets no value out through ${what} of a handler`, async () => {
          handlers['createPerson'] = handler;
          handlers['repeatPerson'] = async function* (ctx) {
            yield aPerson();
            await handler(ctx);
          };
          for (const method of [CREATE, REPEAT]) {
            await onEachProtocol(method, PERSON, (text, name) => {
              expectNothingSeen(text, name);
              expect(text, name).not.to.include(EMAIL.slice(0, 15));
            });
          }
        });
      }

      it('still says what is not sensitive', async () => {
        handlers['createPerson'] = async () => {
          throw new ServiceError('RESOURCE_EXISTS', `There is ${EMAIL} in Paris`);
        };

        await onEachProtocol(CREATE, PERSON, (text, name) => {
          expect(text, name).to.include('There is [redacted] in Paris');
        });
      });
    });

    context('with an audit', () => {
      it('keeps who did what, on which resource, when, from where, how it ended, and the request without what is sensitive', async () => {
        const more = toJson(
          AnySchema,
          anyPack(requestSchema(), create(requestSchema(), { password: PASSWORD, parent: 'seen' } as never)),
          { registry: peopleRegistry() },
        );
        for (const protocol of protocols.all) {
          kept.length = 0;
          expect((await protocol.call(CREATE, { ...PERSON, more })).ok, protocol.name).to.equal(true);

          expect(kept, protocol.name).to.have.length(1);
          const [entry] = kept;
          expect(entry).to.deep.include({
            caller: 'serviceAccounts/tester',
            method: 'people.v1.PeopleService/CreatePerson',
            permission: 'people.people.create',
            resource: 'towns/paris',
            protocol: protocol.name === 'gRPC' ? 'grpc' : 'http',
            code: 'OK',
            reason: undefined,
          });
          expect(entry?.peer).to.match(/127\.0\.0\.1/);
          expect(entry?.timeMs).to.be.closeTo(Date.now(), 5000);
          expect(entry?.requests).to.deep.equal([
            {
              parent: 'towns/paris',
              email: '[personal]',
              password: '[secret]',
              badges: '[secret]',
              home: { city: 'Paris', street: '[personal]' },
              photo: '[personal]',
              more: {
                '@type': 'type.googleapis.com/people.v1.CreatePersonRequest',
                parent: 'seen',
                password: '[secret]',
              },
            },
          ]);
        }
      });

      it('answers a change only once it is kept', async () => {
        for (const protocol of protocols.all) {
          let release: () => void = () => undefined;
          let asked: () => void = () => undefined;
          const isAsked = new Promise<void>((resolve) => (asked = resolve));
          keep = () =>
            new Promise((resolve) => {
              release = resolve;
              asked();
            });
          let answered = false;
          const answer = protocol.call(CREATE, PERSON).then((result) => {
            answered = true;
            return result;
          });
          await isAsked;
          await new Promise((resolve) => setImmediate(resolve));
          expect(answered, protocol.name).to.equal(false);
          release();
          expect((await answer).ok, protocol.name).to.equal(true);
        }
      });

      it('fails a change that it cannot keep, so that it is repeated', async () => {
        keep = () => Promise.reject(new Error('disk full'));

        await onEachProtocol(CREATE, PERSON, (text, name) => {
          expect(text, name).to.include('AUDIT_UNAVAILABLE').and.not.to.include('disk full');
        });
        expect(JSON.stringify(server.logLines)).to.include('disk full').and.to.include('towns/paris');
      });

      it('keeps calls that were denied or failed, but not those of nobody', async () => {
        const reader = await openEveryProtocol(server, READER_TOKEN);
        const stranger = await openEveryProtocol(server, 'no-such-token');
        try {
          for (const protocol of reader.all) await protocol.call(CREATE, PERSON);
          expect(kept.map(({ code, reason, resource }) => ({ code, reason, resource }))).to.deep.equal(
            reader.all.map(() => ({
              code: 'PERMISSION_DENIED',
              reason: 'PERMISSION_DENIED',
              resource: 'towns/paris',
            })),
          );
          kept.length = 0;
          for (const protocol of stranger.all) await protocol.call(CREATE, PERSON);
          expect(kept).to.deep.equal([]);
        } finally {
          await reader.close();
          await stranger.close();
        }
      });

      it('keeps of a read what the contract names', async () => {
        const [grpc] = protocols.all;
        await grpc?.call(GET, { name: 'people/ada', hint: { city: 'Paris', street: STREET } });

        expect(kept.map(({ requests }) => requests)).to.deep.equal([[{ name: 'people/ada', 'hint.city': 'Paris' }]]);
      });

      it('is a line of the log where nothing else is asked for', async () => {
        const definition = definitionOf(peopleRegistry(), SERVICE);
        const service = { definition, handlers: { ...handlers } as Record<string, AnyHandler>, policy: undefined };
        const plain = await startRpcServerWith({ services: [service], registry: peopleRegistry() });
        const opened = await openEveryProtocol(plain, GOOD_TOKEN);
        try {
          await opened.all[0]?.call(CREATE, PERSON);
          const lines = plain.logLines.filter(({ msg }) => msg === 'audit');
          expect(lines).to.have.length(1);
          expect(lines[0]?.['audit']).to.include({ caller: 'serviceAccounts/tester', code: 'OK' });
        } finally {
          await opened.close();
          await plain.close();
        }
      });
    });

    it('tells how a resource is named, and shows no regular expression', async () => {
      await onEachProtocol(GET, { name: 'people/ADA' }, (text, name) => {
        expect(text, name).to.include('must be people/{person}').and.not.to.include('[a-z]');
      });
    });
  });
});

function requestSchema() {
  const schema = peopleRegistry().getMessage('people.v1.CreatePersonRequest');
  if (schema === undefined) throw new Error('The contract has no CreatePersonRequest');
  return schema;
}

function aPerson(): object {
  const schema = peopleRegistry().getMessage('people.v1.Person');
  if (schema === undefined) throw new Error('The contract has no Person');
  return create(schema, { name: 'people/ada' } as never);
}

async function* repeat(times: number): AsyncGenerator<object> {
  for (let i = 0; i < times; i += 1) yield aPerson();
}
