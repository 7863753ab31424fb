import { create, toBinary, type Message } from '@bufbuild/protobuf';
import { anyPack, StructSchema, type Any } from '@bufbuild/protobuf/wkt';
import type { CallDeps } from '../call-deps.js';
import { bodyChunks } from '../http/body-chunks.js';
import { checkPlainBody } from '../http/decompress.js';
import { applyPreconditions } from '../http/entity-tag.js';
import type { QueryParameter } from '../http/query.js';
import { bindRequest } from '../message/bind-request.js';
import { ofKey } from '../message/violation-path.js';
import { invalidRequest } from '../../rpc/errors.js';
import type { Exchange } from '../exchange.js';
import type { Binding } from '../routes/binding.js';
import type { PathSegments } from '../routes/request-target.js';
import { isForm, readForm, type FormPart } from './form-parts.js';
import { setHttpBody } from './http-body.js';

/** A request whose body becomes a stream of requests. */
export interface UploadSource {
  readonly exchange: Exchange;
  readonly binding: Binding;
  readonly segments: PathSegments;
}

/**
 * Makes a stream of requests from one body as it comes: each holds what path and query say and the next bytes. The first of a
 * file says its content type, and of a form also its name. Throws an HttpFailure (415) for a body that is compressed.
 */
export function readUpload(
  deps: CallDeps,
  source: UploadSource,
  parameters: readonly QueryParameter[],
): AsyncIterable<Uint8Array> {
  const { request, response, arrival } = source.exchange;
  checkPlainBody(request.headers);
  arrival.readInParts();
  // A long body that waits to be asked for was not asked for yet: only here is it known to be wanted whatever its length.
  if (request.headers.expect !== undefined && Number(request.headers['content-length'] ?? 0) > deps.bodyBytesMax) {
    response.writeContinue();
  }
  const body = bodyChunks(source.exchange);
  return isForm(request.headers)
    ? readFormUpload(deps, source, { parameters, parts: readForm(request.headers, body) })
    : readRawUpload(deps, source, { parameters, body });
}

interface FileHead {
  readonly contentType: string;
  readonly extensions: readonly Any[];
}

type WriteChunk = (data: Uint8Array, head?: FileHead) => Uint8Array;

/** Gives what writes one request: path, query and form say the same in all of them. */
function createWriter(
  { registry }: CallDeps,
  { exchange, binding, segments }: UploadSource,
  parameters: readonly QueryParameter[],
): WriteChunk {
  const request: Message = bindRequest(registry, binding, { segments, parameters, body: undefined });
  applyPreconditions(exchange.request.headers, binding, request);
  return (data, head) => {
    setHttpBody(binding, request, {
      contentType: head?.contentType ?? '',
      data,
      extensions: head?.extensions ?? [],
    });
    return toBinary(binding.method.descriptor.input, request);
  };
}

async function* readRawUpload(
  deps: CallDeps,
  source: UploadSource,
  { parameters, body }: { readonly parameters: readonly QueryParameter[]; readonly body: AsyncIterable<Buffer> },
): AsyncGenerator<Uint8Array> {
  const write = createWriter(deps, source, parameters);
  const contentType = source.exchange.request.headers['content-type'] ?? '';
  yield* writeFile(write, body, { contentType, extensions: [] });
}

async function* readFormUpload(
  deps: CallDeps,
  source: UploadSource,
  form: { readonly parameters: readonly QueryParameter[]; readonly parts: AsyncIterable<FormPart> },
): AsyncGenerator<Uint8Array> {
  let parameters = form.parameters;
  let unheard: string | undefined;
  for await (const part of form.parts) {
    if (part.kind === 'field') {
      parameters = [...parameters, { name: part.name, value: part.value }];
      unheard = part.name;
      continue;
    }
    unheard = undefined;
    const { name, filename, contentType, chunks } = part;
    const about = create(StructSchema, {
      fields: {
        name: { kind: { case: 'stringValue', value: name } },
        filename: { kind: { case: 'stringValue', value: filename } },
      },
    });
    const head = { contentType, extensions: [anyPack(StructSchema, about)] };
    yield* writeFile(createWriter(deps, source, parameters), chunks, head);
  }
  if (unheard !== undefined) {
    throw invalidRequest([{ field: ofKey('', unheard), description: 'comes after the files of the form, not before' }]);
  }
}

/** A file is at least one message, so that an empty one is there as well. */
async function* writeFile(
  write: WriteChunk,
  chunks: AsyncIterable<Buffer>,
  head: FileHead,
): AsyncGenerator<Uint8Array> {
  let next: FileHead | undefined = head;
  for await (const chunk of chunks) {
    yield write(chunk, next);
    next = undefined;
  }
  if (next !== undefined) yield write(new Uint8Array(), next);
}
