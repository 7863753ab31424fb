import type { Registry } from '@bufbuild/protobuf';
import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest, ServiceError } from '../../rpc/errors.js';
import type { CallDeps } from '../call-deps.js';
import { decompress, isKnownEncoding } from '../http/decompress.js';
import { HttpFailure } from '../http/http-failure.js';
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

/** A request, encoded, and the codec that its answer is written in. */
export interface UnaryRequest {
  readonly codec: Codec;
  readonly request: Uint8Array;
}

/** Reads a unary request. Throws an HttpFailure (415) for a content type that the protocol does not have. */
export async function readUnaryRequest(deps: CallDeps, connect: RpcRequest): Promise<UnaryRequest> {
  const { exchange, method } = connect;
  const isPost = exchange.request.method === 'POST';
  const { codec, body } = isPost ? await readPost(deps, connect) : await readGet(deps, connect);
  return { codec, request: codec.decode(method.descriptor.input, body) };
}

interface EncodedRequest {
  readonly codec: Codec;
  readonly body: Buffer;
}

async function readPost({ registry, bodyBytesMax }: CallDeps, { exchange }: RpcRequest): Promise<EncodedRequest> {
  const { headers } = exchange.request;
  const codec = codecOf(headers);
  checkVersion(headers['connect-protocol-version']);
  checkCompression(headers['content-encoding']);
  const body = await readBody(exchange.request, bodyBytesMax);
  return { codec: codec === 'proto' ? PROTO : createJsonCodec(registry), body };
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
async function readGet({ registry, bodyBytesMax }: CallDeps, { exchange }: RpcRequest): Promise<EncodedRequest> {
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
  checkCompression(values.get('compression'));
  const bytes = values.get('base64') === '1' ? fromBase64(message) : Buffer.from(message);
  const body = await decompress(bytes, values.get('compression'), bodyBytesMax);
  return { codec: encoding === 'proto' ? PROTO : createJsonCodec(registry), body };
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

function checkCompression(encoding: string | undefined): void {
  if (encoding === undefined || encoding === '' || isKnownEncoding(encoding)) return;
  throw new ServiceError(
    'METHOD_NOT_FOUND',
    'Compression of the request is not supported, expected br, gzip or identity',
  );
}

const CONTENT_TYPE = /^application\/(json|proto)\s*(?:;\s*charset=(?:"utf-8"|utf-8)\s*)?;?\s*$/i;
const STREAM_CONTENT_TYPE = /^application\/connect\+(json|proto)\s*(?:;\s*charset=(?:"utf-8"|utf-8)\s*)?;?\s*$/i;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
