import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { readPeerName } from '../peer-name.js';
import type { Peer } from './call-stream.js';

const UNKNOWN: Peer = { peer: 'unknown', peerName: undefined };

/** One look a connection: Node guards its socket by a proxy, and a certificate takes long to read. */
const peers = new WeakMap<Http2Session, Peer>();

/** Tells who is at the other end; it does not change while the connection stands. */
export function peerOf(session: Http2Session | undefined): Peer {
  if (session === undefined) return UNKNOWN;
  const known = peers.get(session);
  if (known !== undefined) return known;
  const peer = readPeer(session.socket);
  peers.set(session, peer);
  return peer;
}

export function readPeer(socket: Socket): Peer {
  const { remoteAddress, remotePort } = socket;
  const peer = remoteAddress === undefined ? UNKNOWN.peer : `${remoteAddress}:${remotePort}`;
  return { peer, peerName: readPeerName(socket) };
}
