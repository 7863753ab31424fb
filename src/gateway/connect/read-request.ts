import type { Registry } from '@bufbuild/protobuf';
import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import type { CallDeps } from '../call-deps.js';
import { decompress } from '../http/decompress.js';
import { HttpFailure } from '../http/http-failure.js';
import { checkEncoding } from '../http/message-compression.js';
import { parseQuery } from '../http/query.js';
import { readBody } from '../http/read-body.js';
import type { RpcRequest } from '../rpc-request.js';
import { createJsonCodec, PROTO, type Codec } from './codec.js';

const VERSION = '1';
const ACCEPT_POST = [
  'application/json',
  'application/proto',
  'application/connect+json',
  'application/connect+proto',
  'application/grpc-web',
  'application/grpc-web-text',
].join(', ');

/** A request that is about to be read, and the codec that its answer is written in. */
export interface UnaryRequest {
  readonly codec: Codec;
  /** Gives the request, encoded. Throws a ServiceError where there is none, or one that is too large. */
  read(): Promise<Uint8Array>;
}

/** Begins to read a unary request. Throws an HttpFailure (415) for a content type that the protocol does not have. */
export function openUnaryRequest(deps: CallDeps, connect: RpcRequest): UnaryRequest {
  return connect.exchange.request.method === 'POST' ? openPost(deps, connect) : openGet(deps, connect);
}

function openPost({ registry, bodyBytesMax }: CallDeps, { exchange, method }: RpcRequest): UnaryRequest {
  const { headers } = exchange.request;
  const codec = codecOf(headers) === 'proto' ? PROTO : createJsonCodec(registry);
  const read = async () => {
    checkVersion(headers['connect-protocol-version']);
    checkEncoding(headers['content-encoding']);
    return codec.decode(method.descriptor.input, await readBody(exchange.request, bodyBytesMax));
  };
  return { codec, read: () => withoutStatus(read()) };
}

/** Sizes have a status of their own in HTTP, and none in this protocol. */
async function withoutStatus<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (err) {
    throw err instanceof HttpFailure ? err.failure : err;
  }
}

function codecOf(headers: IncomingHttpHeaders): Codec['name'] {
  const type = CONTENT_TYPE.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase();
  if (type === 'json' || type === 'proto') return type;
  throw unsupportedContentType();
}

/** Gives the codec of a call that answers with a stream. Throws an HttpFailure (415) for any other content type. */
export function streamCodecOf(registry: Registry, { exchange }: RpcRequest): Codec {
  const type = STREAM_CONTENT_TYPE.exec(exchange.request.headers['content-type'] ?? '')?.[1]?.toLowerCase();
  if (type === undefined) throw unsupportedContentType();
  return type === 'proto' ? PROTO : createJsonCodec(registry);
}

function unsupportedContentType(): HttpFailure {
  const failure = new ServiceError('INVALID_REQUEST', 'Content type is not one that this method is called with');
  return new HttpFailure(415, failure, { 'accept-post': ACCEPT_POST });
}

/** A GET carries the message in its URL, so that browsers and caches can keep the answer. */
function openGet({ registry, bodyBytesMax }: CallDeps, { exchange, method }: RpcRequest): UnaryRequest {
  const { parameters, violations } = parseQuery(exchange.target?.query ?? '');
  if (violations.length > 0) throw invalidRequest(violations);
  const values = new Map(parameters.map(({ name, value }) => [name, value]));
  checkVersion(values.get('connect'), `v${VERSION}`);
  const encoding = values.get('encoding');
  const message = values.get('message');
  if (message === undefined) throw invalidRequest([{ field: 'message', description: 'Query parameter is missing' }]);
  if (encoding !== 'json' && encoding !== 'proto') {
    throw invalidRequest([{ field: 'encoding', description: 'Query parameter must be "json" or "proto"' }]);
  }
  checkEncoding(values.get('compression'));
  const bytes = values.get('base64') === '1' ? fromBase64(message) : Buffer.from(message);
  const codec = encoding === 'proto' ? PROTO : createJsonCodec(registry);
  const read = async () =>
    codec.decode(method.descriptor.input, await decompress(bytes, values.get('compression'), bodyBytesMax));
  return { codec, read: () => withoutStatus(read()) };
}

function fromBase64(text: string): Buffer {
  if (!BASE64.test(text)) throw invalidRequest([{ field: 'message', description: 'Query parameter must be base64' }]);
  return Buffer.from(text, 'base64');
}

/** Throws a ServiceError for a version of the protocol that is not known here. None is the first. */
export function checkVersion(given: string | string[] | undefined, expected = VERSION): void {
  if (given === undefined || given === expected) return;
  throw invalidRequest([{ field: '', description: `Connect protocol version must be "${expected}"` }]);
}

const CONTENT_TYPE = /^application\/(json|proto)\s*(?:;\s*charset=(?:"utf-8"|utf-8)\s*)?;?\s*$/i;
const STREAM_CONTENT_TYPE = /^application\/connect\+(json|proto)\s*(?:;\s*charset=(?:"utf-8"|utf-8)\s*)?;?\s*$/i;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
