import { Readable } from 'node:stream';
import { noBody, type HttpAnswer } from '../answer.js';
import type { Exchange } from '../exchange.js';
import { HttpFailure } from '../http/http-failure.js';
import { invalidRequest } from '../../rpc/errors.js';
import { logRefusal } from '../request-log.js';
import type { CallDeps } from '../call-deps.js';
import type { Binding } from '../routes/binding.js';
import { chooseRange } from './byte-range.js';
import { readHttpBody, type FileAnswer, type HttpBody } from './http-body.js';

/** Answers with a file, or with the part of it that a GET asks for. Throws an HttpFailure (416) where there is no such part. */
export function answerFile(
  { request }: Exchange,
  { file: { contentType, data }, entityTag }: FileAnswer,
  headers: Readonly<Record<string, string>>,
): HttpAnswer {
  const all = { ...headers, 'content-type': safeContentType(contentType) };
  const { method } = request;
  if (method !== 'GET' && method !== 'HEAD') return { status: 200, headers: all, body: data };
  const ranged = { ...all, 'accept-ranges': 'bytes' };
  const { length } = data;
  // What it would be in parts, HEAD does not tell (RFC 9110, 14.2).
  const range = method === 'HEAD' ? undefined : chooseRange(request.headers, { length, entityTag });
  if (range === undefined) return { status: 200, headers: ranged, body: data };
  if (range === 'none') {
    const failure = invalidRequest([{ field: '', description: `Range is beyond the ${length} bytes that there are` }]);
    throw new HttpFailure(416, failure, { 'content-range': `bytes */${length}`, 'accept-ranges': 'bytes' });
  }
  const { start, end } = range;
  return {
    status: 206,
    headers: { ...ranged, 'content-range': `bytes ${start}-${end - 1}/${length}` },
    body: data.subarray(start, end),
  };
}

/** An answer that is a file of unknown length, piece by piece. */
export interface RunningDownload {
  readonly messages: AsyncIterator<Uint8Array, unknown>;
  /** The first message, which says the content type. */
  readonly first: IteratorResult<Uint8Array, unknown>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers with a file as it comes, no faster than the client reads. */
export async function answerDownload(
  deps: CallDeps,
  { exchange, binding }: { readonly exchange: Exchange; readonly binding: Binding },
  { messages, first, headers }: RunningDownload,
): Promise<HttpAnswer> {
  const head = await readHead(binding, { messages, first });
  const all = { ...headers, 'content-type': safeContentType(head?.contentType ?? '') };
  if (exchange.request.method === 'HEAD') {
    await messages.return?.();
    return { status: 200, headers: all, body: noBody() };
  }
  const pieces = givePieces(deps, { exchange, binding }, { messages, first });
  return { status: 200, headers: all, body: Readable.from(pieces, { highWaterMark: 1 }) };
}

/** Says what the file is. A first message that cannot be read ends the call. */
async function readHead(
  binding: Binding,
  { messages, first }: Pick<RunningDownload, 'messages' | 'first'>,
): Promise<HttpBody | undefined> {
  if (first.done === true) return undefined;
  try {
    return readHttpBody(binding, first.value).file;
  } catch (err) {
    await messages.return?.();
    throw err;
  }
}

/** A file that fails on its way is broken off, for there is no other way to say that it is not whole. */
async function* givePieces(
  { log }: CallDeps,
  { exchange, binding }: { readonly exchange: Exchange; readonly binding: Binding },
  { messages, first }: Pick<RunningDownload, 'messages' | 'first'>,
): AsyncGenerator<Uint8Array> {
  try {
    exchange.response.flushHeaders();
    for (let next = first; next.done !== true; next = await messages.next()) {
      const { data } = readHttpBody(binding, next.value).file;
      if (data.length > 0) yield data;
    }
  } catch (err) {
    logRefusal(log, exchange, err);
    exchange.response.destroy();
  } finally {
    await messages.return?.();
  }
}

/** A handler may say anything; a header may not. */
function safeContentType(contentType: string): string {
  return CONTENT_TYPE.test(contentType) ? contentType : 'application/octet-stream';
}

const CONTENT_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+[\t\x20-\x7e]*$/;
