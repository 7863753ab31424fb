import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { create, type FileRegistry } from '@bufbuild/protobuf';
import { DocumentServiceDefinition } from '../../../gen/keelson/documents/v1/document_service.js';
import { HealthDefinition } from '../../../gen/health/v1/health.js';
import {
  CachePolicy,
  CacheScope,
  Freshness,
  Idempotency,
  MethodPolicy,
} from '../../../gen/keelson/options/v1/options.js';
import { DESCRIPTOR_IMAGE } from '../../../src/package-files.js';
import { readDescriptorImage } from '../../../src/rpc/descriptors.js';
import { ContractError, createMethodTable } from '../../../src/rpc/method-table.js';
import type { ServiceImplementation } from '../../../src/rpc/service.js';

const POLICY_TAG = (50_541 << 3) | 2;
const { getDocument, createDocument } = DocumentServiceDefinition.methods;

describe('createMethodTable()', () => {
  let registry: FileRegistry;

  before(async () => {
    registry = readDescriptorImage(await readFile(DESCRIPTOR_IMAGE));
  });

  function mistake(service: ServiceImplementation): string {
    try {
      createMethodTable(registry, [service]);
    } catch (err) {
      if (err instanceof ContractError) return err.message;
      throw err;
    }
    throw new Error('Expected a ContractError');
  }

  it('knows the methods of a service by their gRPC paths', () => {
    const table = createMethodTable(registry, [aService(DocumentServiceDefinition.methods)]);

    const names = Object.values(DocumentServiceDefinition.methods).map(({ name }) => name);
    expect(names).to.include.members(['CreateDocument', 'ListDocuments']);
    expect([...table.methods.keys()]).to.deep.equal(
      names.map((name) => `/keelson.documents.v1.DocumentService/${name}`),
    );
    expect(table.methods.get('/keelson.documents.v1.DocumentService/GetDocument')?.policy).to.deep.equal({
      access: { kind: 'permission', name: 'documents.documents.get', resource: 'name', collection: '' },
      deadlineDefaultMs: 5000,
      deadlineMaxMs: 60_000,
      idempotency: Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS,
    });
  });

  context('when methods have no policy', () => {
    it('refuses with one sentence for each', () => {
      const methods = {
        getDocument: { ...getDocument, options: {} },
        createDocument: { ...createDocument, options: {} },
      };

      const sentences = mistake(aService(methods)).split('\n');

      expect(sentences).to.have.length(2);
      expect(sentences[0]).to.match(
        /^Method keelson\.documents\.v1\.DocumentService\.GetDocument has no complete policy: /,
      );
    });

    it('refuses a contract of others too, unless a policy stands in', () => {
      const service = { ...aService(HealthDefinition.methods), definition: HealthDefinition };

      expect(mistake(service)).to.include('Health.Check has no complete policy');
    });
  });

  context('when a permission names no resource', () => {
    it('refuses with a sentence', () => {
      expect(mistake(aService({ getDocument: withResource('') }))).to.equal(
        'Method keelson.documents.v1.DocumentService.GetDocument asks for permission "documents.documents.get" but ' +
          'names no resource: set "resource" to a string field of keelson.documents.v1.GetDocumentRequest, or "collection"',
      );
    });
  });

  context('when a permission names a resource that the request does not have', () => {
    for (const resource of ['parent', 'name.x', 'name.', 'Name']) {
      it(`refuses "${resource}"`, () => {
        expect(mistake(aService({ getDocument: withResource(resource) }))).to.include(
          `takes the resource of permission "documents.documents.get" from "${resource}", which is not a string field`,
        );
      });
    }
  });

  context('when a permission names a collection', () => {
    it('judges it on the collection, whatever the request says', () => {
      const table = createMethodTable(registry, [aService({ getDocument: withResource('', 'collections') })]);

      const method = table.methods.get('/keelson.documents.v1.DocumentService/GetDocument');
      const request = method && create(method.descriptor.input, { name: 'collections/a/documents/b' });

      expect(request && method.readResource?.(request)).to.equal('collections');
    });

    it('refuses to have a resource as well', () => {
      expect(mistake(aService({ getDocument: withResource('name', 'collections') }))).to.include(
        'on "name" and on "collections": set either "resource" or "collection"',
      );
    });
  });

  context('when the policy and idempotency_level disagree', () => {
    it('refuses with a sentence that says what to write', () => {
      const method = withPolicy({ idempotency: Idempotency.IDEMPOTENCY_IDEMPOTENT });

      expect(mistake(aService({ getDocument: method }))).to.include('"option idempotency_level = IDEMPOTENT"');
    });
  });

  describe('the cache word', () => {
    const readOnly = { idempotency: Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS };
    const anyFreshness = aCachePolicy({ freshness: Freshness.FRESHNESS_ANY });

    function policyOf(cache: CachePolicy | undefined, access?: MethodPolicy['access']) {
      const method = withPolicy({ ...readOnly, cache, ...(access && { access }) });
      const table = createMethodTable(registry, [aService({ getDocument: method })]);
      return table.methods.get('/keelson.documents.v1.DocumentService/GetDocument')?.policy.cache;
    }

    it('is undefined where the contract has none', () => {
      expect(policyOf(undefined)).to.equal(undefined);
    });

    it('is linearizable and asks every time where it says nothing', () => {
      expect(policyOf(aCachePolicy({}))).to.deep.equal({ consistency: 'linearizable', http: undefined });
    });

    it('says how new answers are, how long they may be kept and by whom', () => {
      const maxAge = { seconds: 90n, nanos: 500_000_000 };

      expect(policyOf(anyFreshness)).to.deep.equal({ consistency: 'any', http: undefined });
      expect(policyOf(aCachePolicy({ freshness: Freshness.FRESHNESS_AT_LEAST, maxAge }))).to.deep.equal({
        consistency: 'at-least',
        http: { maxAgeMs: 90_500, scope: 'private' },
      });
      expect(
        policyOf(aCachePolicy({ maxAge, scope: CacheScope.CACHE_SCOPE_PUBLIC }), { $case: 'public', value: {} })?.http,
      ).to.deep.equal({ maxAgeMs: 90_500, scope: 'public' });
    });

    it('is refused for a method that changes something', () => {
      const options = withPolicy({ idempotency: Idempotency.IDEMPOTENCY_REQUEST_ID, cache: anyFreshness }).options;

      expect(mistake(aService({ createDocument: { ...createDocument, options } }))).to.include(
        'CreateDocument states "cache" in its policy, which only methods with IDEMPOTENCY_NO_SIDE_EFFECTS may',
      );
    });

    it('is refused where shared caches would show answers to callers without permission', () => {
      const cache = aCachePolicy({ maxAge: { seconds: 1n, nanos: 0 }, scope: CacheScope.CACHE_SCOPE_PUBLIC });

      expect(mistake(aService({ getDocument: withPolicy({ ...readOnly, cache }) }))).to.include(
        'states CACHE_SCOPE_PUBLIC, which would show answers to callers that its access keeps out',
      );
    });

    for (const maxAge of [
      { seconds: 0n, nanos: 0 },
      { seconds: -1n, nanos: 0 },
    ]) {
      it(`is refused with a max_age of ${maxAge.seconds} seconds`, () => {
        const cache = aCachePolicy({ maxAge });

        expect(mistake(aService({ getDocument: withPolicy({ ...readOnly, cache }) }))).to.include('"max_age"');
      });
    }

    it('is refused with a max_age for a stream', () => {
      const { watch } = HealthDefinition.methods;
      const cache = aCachePolicy({ maxAge: { seconds: 1n, nanos: 0 } });
      const { options } = withPolicy({ ...readOnly, cache });
      const methods = { watch: { ...watch, options } };
      const service = { ...aService(methods), definition: { ...HealthDefinition, methods } };

      expect(mistake(service)).to.include('"max_age", which only methods with one answer may');
    });
  });

  context('when a method has no handler', () => {
    it('refuses with a sentence', () => {
      const service = { ...aService({ getDocument }), handlers: {} };

      expect(mistake(service)).to.include('DocumentService.GetDocument has no handler');
    });
  });

  context('when the image does not know the service', () => {
    it('refuses with a sentence that says what to run', () => {
      const definition = { ...DocumentServiceDefinition, fullName: 'keelson.gone.v1.GoneService' };

      expect(mistake({ ...aService({ getDocument }), definition })).to.include('run "npm run gen"');
    });
  });
});

function aService(methods: ServiceImplementation['definition']['methods']): ServiceImplementation {
  const handlers = Object.fromEntries(Object.keys(methods).map((key) => [key, () => undefined]));
  return { definition: { ...DocumentServiceDefinition, methods }, handlers, policy: undefined };
}

function withResource(resource: string, collection = '') {
  return withPolicy({
    idempotency: Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS,
    access: { $case: 'permission', value: { name: 'documents.documents.get', resource, collection } },
  });
}

function aCachePolicy(policy: Partial<CachePolicy>): CachePolicy {
  return CachePolicy.create(policy);
}

/** The method GetDocument with another policy, written as ts-proto keeps it: with its length in front. */
function withPolicy(policy: Partial<MethodPolicy>) {
  const deadline = { default: { seconds: 1n, nanos: 0 }, max: undefined };
  const access = { $case: 'authenticated' as const, value: {} };
  const bytes = MethodPolicy.encode(MethodPolicy.create({ deadline, access, ...policy })).finish();
  return { ...getDocument, options: { _unknownFields: { [POLICY_TAG]: [Buffer.from([bytes.length, ...bytes])] } } };
}
