import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'chai';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { readHttpRules } from '../../src/gateway/routes/http-rule.js';
import type { MethodTable } from '../../src/rpc/method-table.js';
import { startTestApp, type TestApp } from '../support/app.js';
import {
  meaningOf,
  operationsOf,
  requestsOf,
  send,
  urlOf,
  type Operation,
  type Rule,
} from '../support/openapi-request.js';
import { record, textOf, type JsonRecord } from '../support/schema-arbitrary.js';
import { onEachGateway } from '../support/on-each-gateway.js';
import { seed } from '../support/seed.js';
import { aTable } from '../unit/gateway/fixture.js';
import { closeGatewaysApart, startGateway, type RunningGateway } from './gateway-harness.js';
import { startOwnContracts, type OwnContracts } from './own-contracts.js';

const REQUESTS_PER_OPERATION = 40;
const TEST_MS_MAX = 120_000;
const SERVICES = ['ThingService', 'ThingWatcher', 'NastyService'];

async function fetchDocument(base: string): Promise<JsonRecord> {
  return (await (await fetch(`${base}/openapi.json`)).json()) as JsonRecord;
}

/** The rule that an operation describes, as the contract states it. */
function ruleOf({ methods, registry }: Pick<MethodTable, 'methods' | 'registry'>, { json }: Operation): Rule {
  const method = methods.get(textOf(json['x-keelson-method']));
  const rules = method === undefined ? [] : readHttpRules(registry, method.descriptor);
  const rule = rules.find(({ path }) => path === json['x-keelson-template']);
  if (rule === undefined) throw new Error(`No rule for ${textOf(json['operationId'])}`);
  return { template: rule.path, body: rule.body };
}

/** Leaves out the services whose contracts come from elsewhere: what a server says about those is chosen in its code. */
function ownPart(document: JsonRecord): JsonRecord {
  const own = operationsOf(document).filter(isOwn);
  const tags = (document['tags'] as JsonRecord[]).filter(({ name }) => textOf(name).startsWith('keelson.'));
  return {
    info: document['info'] ?? null,
    tags,
    operations: own.map(({ path, httpMethod, json }) => ({ path, httpMethod, json })),
  };
}

function isOwn({ json }: Operation): boolean {
  return textOf(json['x-keelson-method']).startsWith('/keelson.');
}

function schemasOf(document: JsonRecord): JsonRecord {
  return record(record(document['components'])['schemas']);
}

interface Arrived {
  readonly method: string;
  readonly request: JsonValue;
}

interface Oracle {
  readonly port: number;
  readonly table: Pick<MethodTable, 'methods' | 'registry'>;
  /** What arrived at the handlers since it was last asked. */
  readonly takeArrived: () => readonly Arrived[];
}

/** Sends random requests of an operation, and holds what arrives against what was meant. */
async function holdTo({ port, table, takeArrived }: Oracle, document: JsonRecord, operation: Operation): Promise<void> {
  const rule = ruleOf(table, operation);
  const path = textOf(operation.json['x-keelson-method']);
  const input = table.methods.get(path)?.descriptor.input;
  if (input === undefined) throw new Error(`No method ${path}`);
  const property = fc.asyncProperty(requestsOf(document, operation), async (sent) => {
    const meant = fromJson(input, meaningOf(sent, rule) as JsonValue, { registry: table.registry });
    const { status, text } = await send(port, sent);
    // Drawn again, up to 100 times a request: fast-check fails when too few are left.
    fc.pre(status !== 400 || !breaksRuleInWords(document, text));
    expect(status, `${urlOf(sent)}: ${text}`).to.equal(200);
    expect(takeArrived()).to.deep.equal([
      { method: path, request: toJson(input, meant, { registry: table.registry }) },
    ]);
  });
  await fc.assert(property, { seed: seed(), numRuns: REQUESTS_PER_OPERATION });
}

/** In the form of the gateway's own errors, or of OAuth 2.0. */
interface Refusal {
  readonly error: string | { details: { fieldViolations?: { description: string }[] }[] };
  readonly error_description?: string;
}

/** Tells whether all that is wrong with a request are rules that the document has in words only, for want of keywords. */
function breaksRuleInWords(document: JsonRecord, answer: string): boolean {
  const { error, error_description: told = '' } = JSON.parse(answer) as Refusal;
  const whole = JSON.stringify(document);
  if (typeof error === 'string') {
    const rule = /^Invalid request: \w+: (.*?)(?: \(and \d+ more\))?$/.exec(told)?.[1];
    return rule !== undefined && whole.includes(`Rule: ${rule}.`);
  }
  const violations = error.details.flatMap(({ fieldViolations }) => fieldViolations ?? []);
  return violations.length > 0 && violations.every(({ description }) => whole.includes(`Rule: ${description}.`));
}

describe('GET /openapi.json', function () {
  this.timeout(TEST_MS_MAX);

  onEachGateway((kind) => {
    context('of contracts that are hard to describe', () => {
      let running: RunningGateway;
      let document: JsonRecord;

      after(closeGatewaysApart);

      before(async () => {
        running = await startGateway(SERVICES, { bodyBytesMax: 1024 * 1024 });
        running.recorder.answer = () => Promise.resolve(new Uint8Array());
        document = await fetchDocument(running.base);
      });
      after(() => running.gateway.close());

      const takeArrived = (): readonly Arrived[] =>
        running.recorder.calls.splice(0).map(({ path, request }) => ({ method: path, request }));

      it('is valid by the schema of OpenAPI 3.1', async () => {
        const { valid, errors } = await new Validator().validate(structuredClone(document));
        expect(errors).to.equal(undefined);
        expect(valid).to.equal(true);
      });

      it('describes every rule', () => {
        const { methods, registry } = aTable(SERVICES);
        const rules = [...methods.values()].flatMap((method) =>
          readHttpRules(registry, method.descriptor).map(({ path }) => `${method.path} ${path}`),
        );
        const described = operationsOf(document).map(
          ({ json }) => `${textOf(json['x-keelson-method'])} ${textOf(json['x-keelson-template'])}`,
        );
        expect(described).to.have.members(rules);
      });

      // In front of the server the rules of the contract are checked as well, which the next group does with contracts whose
      // schemas say all of them.
      if (kind === 'in front of the server') return;
      it('describes requests that arrive as they were meant', async () => {
        const oracle = { port: running.port, table: aTable(SERVICES), takeArrived };
        for (const operation of operationsOf(document)) await holdTo(oracle, document, operation);
      });
    });
  });

  context('of our own contracts', () => {
    let own: OwnContracts;
    let app: TestApp;
    let document: JsonRecord;

    before(async () => {
      own = await startOwnContracts();
      app = await startTestApp();
      document = await fetchDocument(app.http);
    });
    after(async () => {
      await own.close();
      await app.close();
    });

    it('is the one that is committed', () => {
      const committed = JSON.parse(readFileSync('gen/openapi.json', 'utf8')) as JsonRecord;
      expect(ownPart(committed)).to.deep.equal(ownPart(document));
      expect(schemasOf(document)).to.include.all.keys(Object.keys(schemasOf(committed)));
      for (const [name, schema] of Object.entries(schemasOf(committed))) {
        expect(schemasOf(document)[name], name).to.deep.equal(schema);
      }
    });

    it('is valid by the schema of OpenAPI 3.1', async () => {
      const { errors } = await new Validator().validate(structuredClone(document));
      expect(errors).to.equal(undefined);
    });

    it('describes requests that pass the rules of the contract and arrive as they were meant', async () => {
      for (const operation of operationsOf(document).filter(isOwn)) await holdTo(own, document, operation);
    });

    it('asks for the permission that the contract asks for', () => {
      const item = record(record(document['paths'])['/v1/collections/{collection}/documents/{document}']);
      expect(record(item['get'])['security']).to.deep.equal([{ token: ['documents.documents.get'] }]);
    });
  });
});
