import type { IncomingHttpHeaders } from 'node:http';
import { invalidRequest } from '../../rpc/errors.js';

/** What a client shows of itself by HTTP Basic authentication. */
export interface BasicCredentials {
  readonly id: string;
  readonly secret: string;
}

/**
 * Reads the credentials of an OAuth client, which are form-encoded inside (RFC 6749, section 2.3.1). Undefined where there
 * are none of the kind. Throws INVALID_REQUEST for what is none.
 */
export function readBasicCredentials({ authorization = '' }: IncomingHttpHeaders): BasicCredentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/_=-]*) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  try {
    if (colon === -1) throw new URIError('There is no colon');
    return { id: decodeForm(text.slice(0, colon)), secret: decodeForm(text.slice(colon + 1)) };
  } catch {
    throw invalidRequest([{ field: '', description: 'Header "authorization" holds no credentials' }]);
  }
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
