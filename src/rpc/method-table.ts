import type { DescMethod, FileRegistry } from '@bufbuild/protobuf';
import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { Idempotency } from '../../gen/keelson/options/v1/options.js';
import { compileAudit, findUnknownPath, type MethodAudit } from './audit.js';
import { compileStringField, type StringFieldReader } from './field-path.js';
import { readPolicy, type Policy } from './policy.js';
import { compileSensitive, type SensitiveFields } from './sensitive.js';
import type { AnyHandler, MessageCodec, MethodDefinition, ServiceImplementation } from './service.js';

/** One callable method: what its contract says, and the handler that does it. */
export interface Method {
  /** The gRPC path: `/keelson.documents.v1.DocumentService/GetDocument`. */
  readonly path: string;
  readonly descriptor: DescMethod;
  readonly policy: Policy;
  /** Reads the resource name that the permission is judged on. Undefined unless access asks for a permission. */
  readonly readResource: StringFieldReader | undefined;
  /** What of a request must not be seen. Undefined where all of it may. */
  readonly sensitive: SensitiveFields | undefined;
  /** What the audit keeps. Undefined where that is nothing. */
  readonly audit: MethodAudit | undefined;
  readonly requestCodec: MessageCodec<unknown>;
  readonly responseCodec: MessageCodec<unknown>;
  readonly handler: AnyHandler;
}

/** All methods of the process, by gRPC path. */
export interface MethodTable {
  readonly registry: FileRegistry;
  readonly methods: ReadonlyMap<string, Method>;
  /** The full names of the services, in the order they were given. */
  readonly services: readonly string[];
}

/** The contracts and the code do not fit together; the message has one sentence per mistake. Stops the start. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

/** Builds the table, or throws a {@link ContractError} that names every method that cannot be served. */
export function createMethodTable(registry: FileRegistry, services: readonly ServiceImplementation[]): MethodTable {
  const mistakes: string[] = [];
  const methods = new Map<string, Method>();
  for (const service of services) {
    for (const [key, definition] of Object.entries(service.definition.methods)) {
      const method = createMethod(registry, service, key, definition);
      if (typeof method === 'string') mistakes.push(method);
      else methods.set(method.path, method);
    }
  }
  if (mistakes.length > 0) throw new ContractError(mistakes.join('\n'));
  return { registry, methods, services: services.map((service) => service.definition.fullName) };
}

/** Gives the method, or the sentence that says why there is none. */
function createMethod(
  registry: FileRegistry,
  service: ServiceImplementation,
  key: string,
  definition: MethodDefinition,
): Method | string {
  const fullName = `${service.definition.fullName}.${definition.name}`;
  const descriptor = registry
    .getService(service.definition.fullName)
    ?.methods.find((candidate) => candidate.name === definition.name);
  if (descriptor === undefined) return `Method ${fullName} is not in the descriptor image: run "npm run gen"`;
  const policy = readPolicy(definition.options) ?? service.policy;
  if (policy === undefined) {
    return `Method ${fullName} has no complete policy: state access, deadline and idempotency in its contract with option (keelson.options.v1.method)`;
  }
  const handler = service.handlers[key];
  if (handler === undefined) return `Method ${fullName} has no handler: give it one in implementService()`;
  const readResource = compileResource(policy, descriptor);
  const sensitive = compileSensitive(registry, descriptor.input);
  return (
    resourceMistake(fullName, policy, descriptor, readResource) ??
    idempotencyMistake(fullName, policy, descriptor) ??
    cacheMistake(fullName, policy, descriptor) ??
    auditMistake(fullName, policy, descriptor) ?? {
      path: `/${service.definition.fullName}/${definition.name}`,
      descriptor,
      policy,
      readResource,
      sensitive,
      audit: compileAudit({ registry, policy, input: descriptor.input, sensitive }),
      requestCodec: definition.requestType,
      responseCodec: definition.responseType,
      handler,
    }
  );
}

function compileResource({ access }: Policy, { input }: DescMethod): StringFieldReader | undefined {
  if (access.kind !== 'permission') return undefined;
  const { collection } = access;
  return collection === '' ? compileStringField(input, access.resource) : () => collection;
}

function resourceMistake(
  fullName: string,
  { access }: Policy,
  { input }: DescMethod,
  readResource: StringFieldReader | undefined,
): string | undefined {
  if (access.kind !== 'permission') return undefined;
  if (access.resource !== '' && access.collection !== '') {
    return `Method ${fullName} asks for permission "${access.name}" on "${access.resource}" and on "${access.collection}": set either "resource" or "collection"`;
  }
  if (readResource !== undefined) return undefined;
  if (access.resource === '') {
    return `Method ${fullName} asks for permission "${access.name}" but names no resource: set "resource" to a string field of ${input.typeName}, or "collection"`;
  }
  return `Method ${fullName} takes the resource of permission "${access.name}" from "${access.resource}", which is not a string field of ${input.typeName}`;
}

/** The standard option and ours say the same, so that a client that reads either does the right thing. */
function idempotencyMistake(fullName: string, policy: Policy, descriptor: DescMethod): string | undefined {
  const expected = STANDARD_LEVELS[policy.idempotency];
  // Contracts that are not ours state no policy and so no level; what stands in for it was chosen in code.
  const ours = descriptor.parent.typeName.startsWith('keelson.');
  if (ours && descriptor.idempotency !== expected) {
    return `Method ${fullName} states idempotency ${Idempotency[policy.idempotency]} in its policy, which asks for "option idempotency_level = ${IdempotencyLevel[expected]}"`;
  }
  if (policy.idempotency !== Idempotency.IDEMPOTENCY_REQUEST_ID) return undefined;
  if (compileStringField(descriptor.input, 'request_id') !== undefined) return undefined;
  return `Method ${fullName} states IDEMPOTENCY_REQUEST_ID but ${descriptor.input.typeName} has no string field "request_id"`;
}

/** What a cache answers must be what the method would, as far as its contract lets it, and for this caller. */
function cacheMistake(
  fullName: string,
  { cache, idempotency, access }: Policy,
  { methodKind }: DescMethod,
): string | undefined {
  if (cache === undefined) return undefined;
  if (idempotency !== Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS) {
    return `Method ${fullName} states "cache" in its policy, which only methods with IDEMPOTENCY_NO_SIDE_EFFECTS may`;
  }
  if (cache.http === undefined) return undefined;
  if (methodKind !== 'unary') return `Method ${fullName} states "max_age", which only methods with one answer may`;
  if (!(cache.http.maxAgeMs > 0)) return `Method ${fullName} states a "max_age" that is not more than nothing`;
  if (cache.http.scope === 'public' && access.kind !== 'public') {
    return `Method ${fullName} states CACHE_SCOPE_PUBLIC, which would show answers to callers that its access keeps out`;
  }
  return undefined;
}

function auditMistake(fullName: string, policy: Policy, { input }: DescMethod): string | undefined {
  if (policy.audit?.kind !== 'fields') return undefined;
  if (policy.audit.paths.length === 0) {
    return `Method ${fullName} states AUDIT_DETAIL_FIELDS and no "fields": name some, or state AUDIT_DETAIL_CALL`;
  }
  const path = findUnknownPath(input, policy);
  return path && `Method ${fullName} lets the audit keep "${path}", which is not a field of ${input.typeName}`;
}

const STANDARD_LEVELS = {
  [Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS]: IdempotencyLevel.NO_SIDE_EFFECTS,
  [Idempotency.IDEMPOTENCY_IDEMPOTENT]: IdempotencyLevel.IDEMPOTENT,
  [Idempotency.IDEMPOTENCY_REQUEST_ID]: IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
  [Idempotency.IDEMPOTENCY_NOT_IDEMPOTENT]: IdempotencyLevel.IDEMPOTENCY_UNKNOWN,
} as const;
