import type { JsonValue } from '@bufbuild/protobuf';
import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';
import { unsupportedMediaType } from '../http/http-failure.js';
import type { JsonBody } from '../message/bind-request.js';
import { checkJsonText, JsonTextError } from '../message/json-text.js';

/** Throws an HttpFailure unless a body is announced as JSON, in UTF-8. */
export function checkJsonType(headers: IncomingHttpHeaders): void {
  const type = headers['content-type'];
  if (type === undefined) throw unsupportedMediaType('Request body has no content type');
  if (!JSON_TYPE.test(type)) throw unsupportedMediaType('Request body has an unknown content type');
}

/** Reads JSON, strictly. Throws a ServiceError with the path of the mistake, which begins with `path`. */
export function parseJsonBody(bytes: Buffer, path: string): JsonBody {
  try {
    const text = UTF8.decode(bytes);
    const { hasUnsafeInteger } = checkJsonText(text, path);
    return { value: JSON.parse(text) as JsonValue, hasUnsafeInteger };
  } catch (err) {
    if (err instanceof JsonTextError) throw invalidRequest([{ field: err.field, description: err.message }]);
    throw invalidRequest([{ field: '', description: 'Body is not JSON in UTF-8' }]);
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const JSON_TYPE = /^application\/(?:json|merge-patch\+json)\s*(?:;\s*charset=(?:"utf-8"|utf-8)\s*)?;?\s*$/i;
