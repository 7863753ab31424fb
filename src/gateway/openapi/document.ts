import type { JsonObject, Registry } from '@bufbuild/protobuf';
import { isPlainHttp } from '../http-body/http-body.js';
import type { Binding } from '../routes/binding.js';
import type { ServerInfo } from '../server-info.js';
import { commentOf } from './comments.js';
import { ERROR_RESPONSE, ERROR_SCHEMA } from './error-responses.js';
import { MessageSchemas } from './message-schemas.js';
import { describeOperation } from './operation.js';
import { openApiPath } from './path-parameters.js';
import { unifySchemas } from './unify-schemas.js';

export interface DocumentDeps {
  readonly registry: Registry;
  readonly bindings: readonly Binding[];
  readonly serverInfo: ServerInfo;
}

/** The HTTP methods that OpenAPI 3.1 has a word for. */
const METHODS = new Set(['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE']);

/**
 * Describes the bindings of the contracts as an OpenAPI 3.1 document, the same for the same contracts. Operations of HTTP
 * methods that OpenAPI 3.1 has no word for are under `x-additionalOperations`, by method, as 3.2 has them.
 *
 * A rule with `**` is left out where another with the same HTTP method differs from it in `*` only, for the two are one
 * path to OpenAPI.
 */
export function createOpenApiDocument({ registry, bindings, serverInfo }: DocumentDeps): JsonObject {
  const schemas = new MessageSchemas(registry);
  const paths = new Map<string, PathItem>();
  const operationIds = new Set<string>();
  const responses: Record<string, JsonObject> = {};
  const described = bindings.filter(isPlainHttp).sort(byTemplate);
  for (const binding of described) {
    const { path, parameters } = openApiPath(registry, schemas, binding);
    const shape = path.replace(/\{[^}]*\}/g, '{}');
    const item = paths.get(shape) ?? { path, operations: new Map<string, JsonObject>() };
    paths.set(shape, item);
    // Paths that differ in the names of their parameters are one: the first one names them.
    const names = [...item.path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name ?? '');
    const inPath = parameters.map((parameter, index) => ({ ...parameter, name: names[index] ?? '' }));
    const httpMethod = binding.httpMethod === '*' ? anyMethod(binding) : binding.httpMethod;
    if (item.operations.has(httpMethod)) continue;
    const operationId = uniqueId(operationIds, binding);
    item.operations.set(httpMethod, describeOperation({ schemas, responses, operationId, inPath }, binding));
  }
  const services = [...new Set(described.map(({ method }) => method.descriptor.parent))];
  const document: JsonObject = {
    openapi: '3.1.1',
    info: {
      title: serverInfo.name,
      version: serverInfo.version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: services
      .map((service) => ({ name: service.typeName, description: commentOf(service) }))
      .sort((one, other) => (one.name < other.name ? -1 : 1)),
    paths: Object.fromEntries([...paths.values()].map((item) => [item.path, pathItem(item)])),
    components: { ...COMPONENTS, responses: { Error: ERROR_RESPONSE, ...sorted(responses) } },
  };
  return unifySchemas(document, schemas.all);
}

function sorted(responses: Readonly<Record<string, JsonObject>>): JsonObject {
  return Object.fromEntries(Object.entries(responses).sort(([one], [other]) => (one < other ? -1 : 1)));
}

interface PathItem {
  readonly path: string;
  readonly operations: Map<string, JsonObject>;
}

/** By path and method, whatever the order of the contracts; `*` comes before `**`, which it is chosen over. */
function byTemplate(one: Binding, other: Binding): number {
  const key = ({ template, httpMethod }: Binding) => `${template.text.replaceAll('**', '\uffff')} ${httpMethod}`;
  return key(one) < key(other) ? -1 : 1;
}

/** A rule for any method is shown by one that can carry what it takes. */
function anyMethod({ body }: Binding): string {
  return body.kind === 'none' ? 'GET' : 'POST';
}

function uniqueId(taken: Set<string>, { method }: Binding): string {
  const { parent, name } = method.descriptor;
  const base = `${parent.name}_${name}`;
  let id = base;
  for (let count = 2; taken.has(id); count += 1) id = `${base}${count}`;
  taken.add(id);
  return id;
}

function pathItem({ operations }: PathItem): JsonObject {
  const own = [...operations].filter(([method]) => METHODS.has(method));
  const others = [...operations].filter(([method]) => !METHODS.has(method));
  return {
    ...Object.fromEntries(own.map(([method, operation]) => [method.toLowerCase(), operation])),
    ...(others.length === 0 ? {} : { 'x-additionalOperations': Object.fromEntries(others) }),
  };
}

const DESCRIPTION = [
  'Calls of typed services, over HTTP with JSON. Every failure has the same form and a stable reason.',
  'What is not understood (an unknown field or parameter, a number out of range) is refused with status 400.',
].join('\n');

const COMPONENTS: JsonObject = {
  securitySchemes: {
    token: { type: 'http', scheme: 'bearer', description: 'A token of this server: `Authorization: Bearer <token>`.' },
  },
  parameters: {
    alt: {
      name: '$alt',
      in: 'query',
      description: 'Says how enums are written in the answer: by name, or as numbers.',
      schema: { type: 'string', enum: ['json', 'json;enum-encoding=int'], default: 'json' },
    },
    fields: {
      name: '$fields',
      in: 'query',
      description: 'Names the fields of the answer that are wanted: `name,place(city,height),items/id`.',
      schema: { type: 'string', format: 'google-fieldmask' },
    },
    prettyPrint: {
      name: '$prettyPrint',
      in: 'query',
      description: 'Asks for an answer with line breaks, for people to read.',
      schema: { type: 'boolean', default: false },
    },
    timeout: {
      name: 'X-Server-Timeout',
      in: 'header',
      description: 'Says how many seconds the caller will wait.',
      schema: { type: 'number', exclusiveMinimum: 0, maximum: 99_999_999 },
    },
    ifNoneMatch: {
      name: 'If-None-Match',
      in: 'header',
      description: 'Holds the ETag of the version that the caller has: the answer is 304 while it is current.',
      schema: { type: 'string' },
    },
    ifMatch: {
      name: 'If-Match',
      in: 'header',
      description:
        'Holds the ETag of the version that the change is based on: the answer is 412 when it has changed since.',
      schema: { type: 'string' },
    },
    lastEventId: {
      name: 'Last-Event-ID',
      in: 'header',
      description: 'Holds the id of the last event that was seen: the stream goes on after it.',
      schema: { type: 'string' },
    },
  },
  headers: {
    requestId: {
      description: 'Names the call, as it stands in the log of the server.',
      schema: { type: 'string' },
    },
    etag: { description: 'Names the version of the resource.', schema: { type: 'string' } },
  },
  schemas: { Error: ERROR_SCHEMA },
};
