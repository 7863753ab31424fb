import { toJson, type JsonValue } from '@bufbuild/protobuf';
import { parseQuery } from '../../../src/gateway/http/query.js';
import { bindRequest } from '../../../src/gateway/message/bind-request.js';
import { takeSystemParameters } from '../../../src/gateway/message/system-parameters.js';
import { parseJsonBody } from '../../../src/gateway/rest/json-body.js';
import { compileBindings, type Binding } from '../../../src/gateway/routes/binding.js';
import { splitPath, splitTarget } from '../../../src/gateway/routes/request-target.js';
import { createRouter, type Router } from '../../../src/gateway/routes/router.js';
import { ServiceError } from '../../../src/rpc/errors.js';
import { aTable, fixtureRegistry } from './fixture.js';

let router: Router<Binding> | undefined;

/** Binds a request (`GET /v1/things?a=b`) to its method and gives the message as JSON. */
export function bind(request: string, body?: string): JsonValue {
  router ??= createRouter(
    compileBindings(aTable()).map((target) => ({ ...target, target, label: target.method.path })),
  );
  const [httpMethod = ''] = request.split(' ', 1);
  const target = splitTarget(request.slice(httpMethod.length + 1));
  const path = target && splitPath(target.path);
  const match = path && router.find(httpMethod, path);
  if (target === undefined || match?.kind !== 'found') throw new Error(`No route for ${request}`);
  const binding = match.entry.target;
  const query = parseQuery(target.query);
  const { rest } = takeSystemParameters(binding.method.descriptor.input, query.parameters);
  const field = binding.body.kind === 'field' ? binding.body.field.name : '';
  const message = bindRequest(fixtureRegistry(), binding, {
    segments: match.segments,
    parameters: rest,
    body: body === undefined ? undefined : parseJsonBody(Buffer.from(body), field),
  });
  // Masks are shown apart: their JSON form cannot hold every path.
  const masks = Object.entries(message).filter(([, value]) => isMask(value));
  const paths = Object.fromEntries(
    masks.map(([name, value]) => [name, (value as unknown as { paths: string[] }).paths]),
  );
  for (const [name] of masks) delete (message as unknown as Record<string, unknown>)[name];
  return { ...(toJson(binding.method.descriptor.input, message, { registry: fixtureRegistry() }) as object), ...paths };
}

function isMask(value: unknown): boolean {
  return (value as { $typeName?: string } | null | undefined)?.$typeName === 'google.protobuf.FieldMask';
}

/** Gives the violations of a request that is refused: `field: description`. */
export function violationsOf(request: string, body?: string): string[] {
  try {
    bind(request, body);
  } catch (err) {
    if (!(err instanceof ServiceError)) throw err;
    return (err.details.violations ?? []).map(({ field, description }) => `${field}: ${description}`);
  }
  return [];
}
