import type { Http2Session } from 'node:http2';
import { TLSSocket } from 'node:tls';

/** One look a connection: a certificate takes long to read, and does not change. */
const names = new WeakMap<Http2Session, string | undefined>();

/**
 * Gives the URI name in the certificate of a client that the server has verified, such as
 * `spiffe://example.org/orders`. Undefined where there is none, or more than one, which SPIFFE forbids.
 */
export function peerNameOf(session: Http2Session | undefined): string | undefined {
  if (session === undefined || !session.encrypted) return undefined;
  if (!names.has(session)) names.set(session, readName(session));
  return names.get(session);
}

function readName({ socket }: Http2Session): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const uris = parseUriNames(socket.getPeerCertificate().subjectaltname ?? '');
  return uris.length === 1 ? uris[0] : undefined;
}

/** Reads the URIs of what Node writes for a certificate: `DNS:a, URI:b`, and as JSON text where one holds a comma. */
export function parseUriNames(names: string): string[] {
  const found = names.matchAll(/(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...found]
    .filter(([, kind]) => kind === 'URI')
    .map(([, , value = '']) => (value.startsWith('"') ? String(JSON.parse(value)) : value));
}
