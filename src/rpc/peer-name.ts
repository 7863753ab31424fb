import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** One look a connection: a certificate takes long to read, and does not change while the connection stands. */
const names = new WeakMap<TLSSocket, { readonly name: string | undefined }>();

/**
 * Gives the URI name in the certificate of a client that the server has verified, such as `spiffe://example.org/orders`.
 * Undefined where there is none, or more than one, which SPIFFE forbids.
 */
export function readPeerName(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  let known = names.get(socket);
  if (known === undefined) {
    known = { name: onlyUriName(socket.getPeerCertificate().subjectaltname) };
    names.set(socket, known);
  }
  return known.name;
}

/** Gives the URI among the names of a certificate, where there is one and no other. */
export function onlyUriName(subjectAltName: string | undefined): string | undefined {
  const uris = parseUriNames(subjectAltName ?? '');
  return uris.length === 1 ? uris[0] : undefined;
}

/** Reads the URIs of what Node writes for a certificate: `DNS:a, URI:b`, and as JSON text where one holds a comma. */
export function parseUriNames(names: string): string[] {
  const found = names.matchAll(/(?:^|, )([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...found]
    .filter(([, kind]) => kind === 'URI')
    .map(([, , value = '']) => (value.startsWith('"') ? String(JSON.parse(value)) : value));
}
