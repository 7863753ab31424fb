import { ScalarType, type DescField, type DescMessage, type JsonValue, type Message } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';
import { findField } from '../message/field-kinds.js';
import type { Binding } from '../routes/binding.js';

/** The name of the field that AIP-154 gives to the version of a resource. */
const ETAG_FIELD = 'etag';

/** Gives the entity tag of a response that is a resource with an etag. Undefined for any other. */
export function entityTagOf(output: DescMessage, json: JsonValue): string | undefined {
  const field = etagField(output);
  if (field === undefined || typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const etag = json[field.jsonName];
  return typeof etag === 'string' && OPAQUE.test(etag) ? `"${etag}"` : undefined;
}

/** Tells whether the client has that version already (RFC 9110, 13.1.2), so that it need not be sent. */
export function isKnown(headers: IncomingHttpHeaders, entityTag: string): boolean {
  const known = headers['if-none-match'];
  if (known === undefined) return false;
  return known.trim() === '*' || known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === entityTag);
}

/**
 * Guards a change by the version in `If-Match`: sets the etag of the request, or of the resource in its body. Throws a
 * ServiceError where the request has no place for it, for a guard that goes unheard is worse than none.
 */
export function applyPreconditions(headers: IncomingHttpHeaders, binding: Binding, message: Message): void {
  if (headers['if-none-match'] !== undefined && binding.httpMethod !== 'GET') {
    throw invalidRequest([{ field: '', description: 'Header "if-none-match" is for GET only' }]);
  }
  const header = headers['if-match']?.trim();
  // What must exist in any version is what every change asks for by itself.
  if (header === undefined || header === '*') return;
  const etag = /^(?:W\/)?"([^"]*)"$/.exec(header)?.[1];
  if (etag === undefined)
    throw invalidRequest([{ field: '', description: 'Header "if-match" must be one entity tag' }]);
  const { input } = binding.method.descriptor;
  const resource = resourceField(binding);
  if (resource?.fieldKind === 'message') {
    const inner = reflect(input, message).get(resource);
    setEtag(resource.message, inner.message, { etag, path: `${resource.name}.${ETAG_FIELD}` });
    reflect(input, message).set(resource, inner);
  } else {
    setEtag(input, message, { etag, path: ETAG_FIELD });
  }
}

/** Gives the field of the body that holds a resource with an etag. */
function resourceField({ body }: Binding): DescField | undefined {
  if (body.kind !== 'field' || body.field.message === undefined) return undefined;
  return etagField(body.field.message) === undefined ? undefined : body.field;
}

function setEtag(schema: DescMessage, message: Message, { etag, path }: { etag: string; path: string }): void {
  const field = etagField(schema);
  if (field === undefined) {
    throw invalidRequest([{ field: '', description: 'Header "if-match" is not understood by this method' }]);
  }
  const reflected = reflect(schema, message);
  const given = reflected.get(field);
  if (given !== '' && given !== etag) {
    throw invalidRequest([{ field: path, description: 'differs from the header "if-match"' }]);
  }
  reflected.set(field, etag);
}

function etagField(message: DescMessage): DescField | undefined {
  const field = findField(message, ETAG_FIELD);
  return field?.fieldKind === 'scalar' && field.scalar === ScalarType.STRING ? field : undefined;
}

/** RFC 9110's characters of an entity tag, without those beyond ASCII. */
const OPAQUE = /^[\x21\x23-\x7e]+$/;
