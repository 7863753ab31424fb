import type { Empty } from '../../gen/google/protobuf/empty.js';
import type { MessageResources } from '../repositories/message-resource.js';
import { translating, translatingStream } from '../repositories/translate-errors.js';
import type { ResourceChange } from '../repositories/watch.js';
import type { MethodDefinition, ServerStreamHandler, UnaryHandler } from '../rpc/service.js';
import { changeOptions } from './change-request.js';
import { pageSizeOf } from './page-size.js';

/** A generated message of a resource, as AIP-121 wants it. */
export interface ResourceMessage {
  readonly name: string;
  readonly etag: string;
}

/** How the messages of the methods call one resource, and several: `parcel`, `parcels`. */
export interface ResourceWords<One extends string, Many extends string> {
  readonly singular: One;
  readonly plural: Many;
}

/** Set where the resource has a parent. */
interface Child {
  readonly parent?: string;
}

interface Repeatable {
  readonly requestId: string;
}

type CreateRequest<T, One extends string> = Child &
  Repeatable &
  Record<One, T | undefined> &
  Record<`${One}Id`, string>;

type UpdateRequest<T, One extends string> = Repeatable &
  Record<One, T | undefined> & { readonly updateMask: string[] | undefined };

interface DeleteRequest extends Repeatable {
  readonly name: string;
  readonly etag: string;
}

interface ListRequest extends Child {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly filter: string;
  readonly orderBy: string;
}

type ListResponse<T, Many extends string> = Record<Many, T[]> & { nextPageToken: string };

interface WatchRequest extends Child {
  readonly filter: string;
  readonly afterRevision?: bigint | undefined;
}

interface WatchResponse<T> {
  changes: { change: { $case: 'put'; value: T } | { $case: 'removed'; value: string } | undefined }[];
  revision: bigint;
}

/**
 * The standard methods of a resource (AIP-131 to AIP-135) and its watch, as the contracts that `keelson new service` writes
 * have them. A method that does more is written by hand in place of one of these. Those that change something take the
 * definition of their method: a repeated `request_id` is recognised by the method's name and the request's bytes.
 */
export interface StandardMethods<T, One extends string, Many extends string> {
  create<R extends CreateRequest<T, One>>(method: MethodDefinition<R>): UnaryHandler<R, T>;
  readonly get: UnaryHandler<{ readonly name: string }, T>;
  readonly list: UnaryHandler<ListRequest, ListResponse<T, Many>>;
  update<R extends UpdateRequest<T, One>>(method: MethodDefinition<R>): UnaryHandler<R, T>;
  delete<R extends DeleteRequest>(method: MethodDefinition<R>): UnaryHandler<R, Empty>;
  /** Everything behind a revision, or from now on: the first answer then has no changes and says which revision now is. */
  readonly watch: ServerStreamHandler<WatchRequest, WatchResponse<T>>;
}

export function createStandardMethods<T extends ResourceMessage, One extends string, Many extends string>(
  resources: MessageResources<T>,
  { singular, plural }: ResourceWords<One, Many>,
): StandardMethods<T, One, Many> {
  const { ofCallers, generated } = resources;
  const contentOf = (request: Record<One, T | undefined>) => generated.fromPartial(request[singular] ?? {});
  const idField: `${One}Id` = `${singular}Id`;
  const idOf = (request: Record<`${One}Id`, string>): string => request[idField];
  return {
    create: (method) =>
      translating((ctx, request) => {
        const { parent = '', requestId } = request;
        const id = idOf(request);
        const options = changeOptions(ctx, { method: method.name, requestId, encode: encoder(method, request) });
        return ofCallers.create({ parent, id, content: contentOf(request) }, options);
      }),
    get: translating((ctx, { name }) => resources.get(name, ctx)),
    list: translating(async (ctx, request) => {
      const { parent = '', pageToken, filter, orderBy } = request;
      const page = await resources.list({ parent, pageSize: pageSizeOf(request), pageToken, filter, orderBy }, ctx);
      return { [plural]: [...page.resources], nextPageToken: page.nextPageToken } as ListResponse<T, Many>;
    }),
    update: (method) =>
      translating((ctx, request) => {
        const { updateMask: mask, requestId } = request;
        const content = contentOf(request);
        const { name, etag } = content;
        const options = changeOptions(ctx, { method: method.name, requestId, encode: encoder(method, request) });
        return ofCallers.update({ name, etag, mask, content }, options);
      }),
    delete: (method) =>
      translating(async (ctx, request) => {
        const { name, etag, requestId } = request;
        const options = changeOptions(ctx, { method: method.name, requestId, encode: encoder(method, request) });
        await resources.delete({ name, etag }, options);
        return {};
      }),
    watch: translatingStream((ctx, request) => watch(resources, ctx, request)),
  };
}

function encoder<R>(method: MethodDefinition<R>, request: R): () => Uint8Array {
  return () => method.requestType.encode(request).finish();
}

async function* watch<T>(
  resources: MessageResources<T>,
  ctx: Parameters<ServerStreamHandler<WatchRequest, WatchResponse<T>>>[0],
  { parent, filter, afterRevision }: WatchRequest,
): AsyncGenerator<WatchResponse<T>> {
  const after = afterRevision === undefined ? await resources.newest(ctx) : Number(afterRevision);
  if (afterRevision === undefined) yield { changes: [], revision: BigInt(after) };
  const { signal } = ctx;
  const events = resources.watch({ filter, after, signal, ...(parent !== undefined && { parent }) });
  for await (const event of events) {
    const changes = event.kind === 'checkpoint' ? [] : event.changes.map(toChange);
    yield { changes, revision: BigInt(event.revision) };
  }
}

function toChange<T>(change: ResourceChange<T>): WatchResponse<T>['changes'][number] {
  return change.kind === 'put'
    ? { change: { $case: 'put', value: change.resource } }
    : { change: { $case: 'removed', value: change.name } };
}
