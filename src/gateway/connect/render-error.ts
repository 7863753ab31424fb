import type { JsonObject } from '@bufbuild/protobuf';
import { toStatusError, type StatusError } from '../../rpc/status.js';
import type { HttpAnswer } from '../answer.js';
import { errorHeaders, type ErrorHeadersContext } from '../http/error-headers.js';
import { HTTP_STATUS } from '../http/http-status.js';

export interface ConnectErrorContext extends ErrorHeadersContext {
  readonly requestId: string;
}

/** Renders whatever was thrown as an error of the Connect protocol: `{"code": "not_found", "message": ...}`. */
export function renderConnectError(err: unknown, context: ConnectErrorContext): HttpAnswer {
  const status = toStatusError(err, context.requestId);
  return {
    status: HTTP_STATUS[status.codeName],
    headers: { 'content-type': 'application/json', ...errorHeaders(status, context) },
    body: JSON.stringify(connectErrorJson(status)),
  };
}

/** Gives an error as the protocol writes it, alone or at the end of a stream. */
export function connectErrorJson({ codeName, message, details }: StatusError): JsonObject {
  // The protocol writes it with one l.
  const code = codeName === 'CANCELLED' ? 'canceled' : codeName.toLowerCase();
  return {
    code,
    message,
    details: details.map(({ typeUrl, value }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
      value: Buffer.from(value).toString('base64').replace(/=+$/, ''),
    })),
  };
}
