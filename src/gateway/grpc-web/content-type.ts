import type { IncomingHttpHeaders } from 'node:http';

/** Tells whether a request is one of gRPC-Web, in binary or as text. */
export function isGrpcWeb(headers: IncomingHttpHeaders): boolean {
  return GRPC_WEB.test(headers['content-type'] ?? '');
}

/** Tells whether a request of gRPC-Web is base64, for clients that cannot read bytes as they come. */
export function isText(headers: IncomingHttpHeaders): boolean {
  return /^application\/grpc-web-text/i.test(headers['content-type'] ?? '');
}

/** Tells whether the messages are JSON; they are protobuf where the content type says nothing of them. */
export function isJson(headers: IncomingHttpHeaders): boolean {
  return GRPC_WEB.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase() === 'json';
}

const GRPC_WEB = /^application\/grpc-web(?:-text)?(?:\+(proto|json))?\s*(?:;.*)?$/i;
