import { create, fromBinary, type DescMessage, type Message } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import type { Any } from '@bufbuild/protobuf/wkt';
import { takesStream } from '../call-any-kind.js';
import { entityTagOf } from '../http/entity-tag.js';
import { findField } from '../message/field-kinds.js';
import type { Binding } from '../routes/binding.js';

const HTTP_BODY = 'google.api.HttpBody';

/** The body of a request or an answer as it is, with its content type. */
export interface HttpBody {
  readonly contentType: string;
  readonly data: Uint8Array;
  /** What else is said about it, in a request. */
  readonly extensions?: readonly Any[];
}

/** Tells whether what stands in the body of a request is taken as it is. */
export function takesHttpBody({ body, method }: Binding): boolean {
  if (body.kind === 'field') return isHttpBody(body.field.message);
  return body.kind === 'all' && isHttpBody(method.descriptor.input);
}

/** Tells whether the answer goes out as it is. */
export function givesHttpBody({ method, responseField }: Binding): boolean {
  return isHttpBody(responseField === undefined ? method.descriptor.output : responseField.message);
}

/** Tells whether a stream of requests comes as one long body. */
export function isUpload(binding: Binding): boolean {
  return takesStream(binding.method) && takesHttpBody(binding);
}

/** Tells whether a call has a form in plain HTTP. A stream of requests has none, unless it is one long body. */
export function isPlainHttp(binding: Binding): boolean {
  return !takesStream(binding.method) || isUpload(binding);
}

/** Puts a body into a request, where the contract has its place. */
export function setHttpBody({ body, method }: Binding, request: Message, given: HttpBody): void {
  if (body.kind !== 'field') Object.assign(request, given);
  else if (body.field.message !== undefined) {
    const { message } = body.field;
    reflect(method.descriptor.input, request).set(body.field, reflect(message, create(message, given as never)));
  }
}

/** An answer that goes out as it is, and the version of the resource that it is of, where there is one. */
export interface FileAnswer {
  readonly file: HttpBody;
  readonly entityTag: string | undefined;
}

/** Takes the body out of an encoded answer. One that the handler has left out is empty. */
export function readHttpBody({ method, responseField }: Binding, bytes: Uint8Array): FileAnswer {
  const { output } = method.descriptor;
  const answer = fromBinary(output, bytes) as Message & HttpBody;
  if (responseField === undefined) return { file: answer, entityTag: undefined };
  const fields = reflect(output, answer);
  const etag = findField(output, 'etag');
  const version = etag === undefined ? undefined : fields.get(etag);
  const entityTag = typeof version === 'string' ? entityTagOf(output, { etag: version }) : undefined;
  return { file: (fields.get(responseField) as ReflectMessage).message as Message & HttpBody, entityTag };
}

function isHttpBody(message: DescMessage | undefined): boolean {
  return message?.typeName === HTTP_BODY;
}
