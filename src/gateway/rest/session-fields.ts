import { fromBinary, toBinary, type DescMessage, type Message, type Registry } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { readSessionToken } from '../../rpc/contract-options.js';
import { clearSession, writeSession, type SessionTokens } from '../http/session-cookie.js';
import type { Binding } from '../routes/binding.js';

/** Puts the refresh token of the cookie into a request that has a place for one, and brought none. */
export function fillFromSession(
  registry: Registry,
  { method }: Binding,
  message: Message,
  session: SessionTokens | undefined,
): void {
  if (session === undefined) return;
  const { input } = method.descriptor;
  const field = fieldsOf(registry, input).refreshToken;
  if (field === undefined) return;
  const fields = reflect(input, message);
  if (fields.get(field) === '') fields.set(field, session.refreshToken);
}

/** An answer whose tokens were taken out, and the cookie that has them now. */
export interface AnswerOfSession {
  readonly bytes: Uint8Array;
  /** The value of `Set-Cookie`. Undefined where the cookie stays as it is. */
  readonly cookie: string | undefined;
}

/** Takes the tokens out of an answer, so that no script of the page has them. A call that takes one and gives none ends the session. */
export function takeSession(registry: Registry, { method }: Binding, bytes: Uint8Array): AnswerOfSession {
  const { input, output } = method.descriptor;
  const { accessToken, refreshToken } = fieldsOf(registry, output);
  if (accessToken === undefined || refreshToken === undefined) {
    const isEnd = fieldsOf(registry, input).refreshToken !== undefined;
    return { bytes, cookie: isEnd ? clearSession() : undefined };
  }
  const message = fromBinary(output, bytes);
  const fields = reflect(output, message);
  const cookie = writeSession({
    accessToken: fields.get(accessToken) as string,
    refreshToken: fields.get(refreshToken) as string,
  });
  fields.clear(accessToken);
  fields.clear(refreshToken);
  return { bytes: toBinary(output, message), cookie };
}

function fieldsOf(registry: Registry, { fields }: DescMessage) {
  return {
    accessToken: fields.find((field) => readSessionToken(registry, field) === 'access'),
    refreshToken: fields.find((field) => readSessionToken(registry, field) === 'refresh'),
  };
}
