import type { HttpCall } from '../load/wrk.js';
import { ECHO_NAME, ECHO_TEXT } from './echo-call.js';

/** The echo as JSON over HTTP/1. */
export function restCall({ http, token }: { readonly http: string; readonly token: string }): HttpCall {
  return {
    url: `${http}/v1/${ECHO_NAME}:echo`,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ text: ECHO_TEXT }),
    answer: JSON.stringify({ text: ECHO_TEXT }),
  };
}
