import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../../rpc/errors.js';

/** The prefix makes browsers hold the cookie to this host, to TLS (or the machine itself) and to all paths. */
const NAME = '__Host-keelson-session';
const MODE_HEADER = 'x-keelson-session';
const COOKIE_MODE = 'cookie';
/** No page reads it, and no page of another site has it sent. */
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';
const DAY_SECONDS = 24 * 60 * 60;
/** As long as a session lasts that nobody refreshes. */
const MAX_AGE_SECONDS = 30 * DAY_SECONDS;
/** Stands in neither token. */
const SEPARATOR = '~';

/** The tokens of a browser's session. Empty, where there is none. */
export interface SessionTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/**
 * Gives the session of a page that asks by `x-keelson-session: cookie` to be recognised by its cookie; undefined for every
 * other request, whose cookies are not looked at. A page of another origin cannot send that header without being
 * allowed to; where the browser says that the request is one of another origin nevertheless, it is refused: throws
 * CROSS_SITE_REQUEST.
 */
export function readSession(headers: IncomingHttpHeaders): SessionTokens | undefined {
  if (headers[MODE_HEADER] !== COOKIE_MODE) return undefined;
  const { 'sec-fetch-site': site = 'same-origin', origin, host = '' } = headers;
  if (site !== 'same-origin' || (origin !== undefined && hostOf(origin) !== host.toLowerCase())) {
    throw new ServiceError('CROSS_SITE_REQUEST', 'A session cookie is for pages of this origin only');
  }
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${NAME}=`))?.slice(NAME.length + 1) ?? '';
  const [accessToken = '', refreshToken = ''] = value.split(SEPARATOR);
  return { accessToken, refreshToken };
}

/** Writes the value of `Set-Cookie`. */
export function writeSession({ accessToken, refreshToken }: SessionTokens): string {
  return `${NAME}=${accessToken}${SEPARATOR}${refreshToken}; Max-Age=${MAX_AGE_SECONDS}; ${ATTRIBUTES}`;
}

/** Writes the `Set-Cookie` that ends the session of a browser. */
export function clearSession(): string {
  return `${NAME}=; Max-Age=0; ${ATTRIBUTES}`;
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
