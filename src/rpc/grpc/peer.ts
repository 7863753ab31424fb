import type { Http2Session } from 'node:http2';
import { readPeerName } from '../peer-name.js';

/** Who is at the other end of a connection. */
export interface Peer {
  /** Its address, for the log: `127.0.0.1:40312`. */
  readonly peer: string;
  /**
   * The URI name in the certificate of a client that the server has verified, such as `spiffe://example.org/orders`.
   * Undefined where there is none, or more than one, which SPIFFE forbids.
   */
  readonly peerName: string | undefined;
}

const UNKNOWN: Peer = { peer: 'unknown', peerName: undefined };

/** One look a connection: Node guards its socket by a proxy, and a certificate takes long to read. */
const peers = new WeakMap<Http2Session, Peer>();

/** Tells who is at the other end; it does not change while the connection stands. */
export function peerOf(session: Http2Session | undefined): Peer {
  if (session === undefined) return UNKNOWN;
  const known = peers.get(session);
  if (known !== undefined) return known;
  const peer = readPeer(session);
  peers.set(session, peer);
  return peer;
}

function readPeer(session: Http2Session): Peer {
  const { remoteAddress, remotePort } = session.socket;
  const peer = remoteAddress === undefined ? UNKNOWN.peer : `${remoteAddress}:${remotePort}`;
  return { peer, peerName: session.encrypted === true ? readPeerName(session.socket) : undefined };
}
