import { MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import type { Method, MethodTable } from '../rpc/method-table.js';
import type { RouteTarget } from './handler.js';
import { isPlainHttp } from './http-body/http-body.js';
import { createPages } from './pages/pages.js';
import { compileBindings, type Binding } from './routes/binding.js';
import type { RouteEntry } from './routes/router.js';
import { parseTemplate } from './routes/template.js';
import type { ServerInfo } from './server-info.js';
import type { SocketRoute } from './websocket/web-sockets.js';

export interface RoutesDeps {
  readonly table: Pick<MethodTable, 'methods' | 'registry'>;
  readonly isReady: () => boolean;
  readonly serverInfo: ServerInfo;
}

/**
 * Makes all routes: the gateway's own pages, the bindings of the contracts, and the paths under which other protocols
 * find the same methods. A method without a google.api.http rule has none, whatever the protocol.
 */
export function createRoutes({ table, isReady, serverInfo }: RoutesDeps): RouteEntry<RouteTarget>[] {
  // Pages list services by name: the order of a table says nothing, and a gateway before the server has another.
  const bindings = compileBindings(table).toSorted((a, b) =>
    serviceOf(a) < serviceOf(b) ? -1 : Number(serviceOf(a) > serviceOf(b)),
  );
  const methods = [...new Set(bindings.map(({ method }) => method))];
  const pages = createPages({ registry: table.registry, bindings, serverInfo, isReady }).map(
    (page): RouteEntry<RouteTarget> => ({
      httpMethod: 'GET',
      template: parseTemplate(page.path),
      target: { kind: 'page', page },
      label: `(the gateway's own ${page.path})`,
    }),
  );
  return [...pages, ...bindings.filter(isPlainHttp).map(restRoute), ...methods.flatMap(rpcRoutes)];
}

function serviceOf({ method }: Binding): string {
  return method.descriptor.parent.typeName;
}

/** Makes the routes by which a WebSocket is opened: every stream has one at each of its paths. */
export function createSocketRoutes(table: RoutesDeps['table']): RouteEntry<SocketRoute>[] {
  const bindings = compileBindings(table).filter(({ method }) => method.descriptor.methodKind !== 'unary');
  const methods = [...new Set(bindings.map(({ method }) => method))];
  return [
    ...bindings.map(({ httpMethod, template, method }, index) => {
      const target = { method, binding: bindings[index] };
      return { httpMethod, template, target, label: labelOf(method) };
    }),
    ...methods.map((method) => {
      const target = { method, binding: undefined };
      return { httpMethod: 'GET', template: parseTemplate(method.path), target, label: labelOf(method) };
    }),
  ];
}

function restRoute(binding: Binding): RouteEntry<RouteTarget> {
  const { httpMethod, template, method } = binding;
  return { httpMethod, template, target: { kind: 'rest', binding }, label: labelOf(method) };
}

/** Typed clients call by POST, and Connect by GET too where the contract says that nothing changes. */
function rpcRoutes(method: Method): RouteEntry<RouteTarget>[] {
  const { methodKind, idempotency } = method.descriptor;
  const isReadable = methodKind === 'unary' && idempotency === IdempotencyLevel.NO_SIDE_EFFECTS;
  const template = parseTemplate(method.path);
  return (isReadable ? ['POST', 'GET'] : ['POST']).map((httpMethod) => ({
    httpMethod,
    template,
    target: { kind: 'rpc', method },
    label: labelOf(method),
  }));
}

function labelOf({ descriptor }: Method): string {
  return `${descriptor.parent.typeName}.${descriptor.name}`;
}
