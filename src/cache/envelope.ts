import { createHmac, timingSafeEqual } from 'node:crypto';

const FORMAT = 1;
const FORMAT_BYTES = 1;
const MAC_BYTES = 16;
const REVISION_BYTES = 8;
const PRESENCE_BYTES = 1;
const HEADER_BYTES = FORMAT_BYTES + MAC_BYTES + REVISION_BYTES + PRESENCE_BYTES;

/** A value as some process read it at a revision. No bytes: at that revision there was none under the key. */
export interface Sighting {
  readonly revision: number;
  readonly bytes: Uint8Array | undefined;
}

/** Seals what is left with a shared tier, so that it can be believed when it comes back. */
export interface Envelopes {
  seal(key: string, sighting: Sighting): Uint8Array;
  /** Gives undefined for what was not sealed with this secret under this key, whole and unchanged. */
  open(key: string, envelope: Uint8Array): Sighting | undefined;
}

/**
 * The form: format (1 byte), the first 16 bytes of HMAC-SHA-256 over key, NUL and all that follows (RFC 2104), revision
 * (8 bytes, big-endian), 1 or 0 for whether there is a value, the value. Processes that share a tier share the secret.
 */
export function createEnvelopes(secret: Uint8Array): Envelopes {
  const macOf = (key: string, body: Uint8Array) =>
    createHmac('sha256', secret).update(`${key}\0`).update(body).digest().subarray(0, MAC_BYTES);
  return {
    seal(key, { revision, bytes }) {
      const envelope = Buffer.alloc(HEADER_BYTES + (bytes?.length ?? 0));
      envelope[0] = FORMAT;
      envelope.writeBigUInt64BE(BigInt(revision), FORMAT_BYTES + MAC_BYTES);
      envelope[HEADER_BYTES - PRESENCE_BYTES] = bytes === undefined ? 0 : 1;
      if (bytes !== undefined) envelope.set(bytes, HEADER_BYTES);
      envelope.set(macOf(key, envelope.subarray(FORMAT_BYTES + MAC_BYTES)), FORMAT_BYTES);
      return envelope;
    },
    open(key, envelope) {
      const whole = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength);
      if (whole.length < HEADER_BYTES || whole[0] !== FORMAT) return undefined;
      const body = whole.subarray(FORMAT_BYTES + MAC_BYTES);
      if (!timingSafeEqual(whole.subarray(FORMAT_BYTES, FORMAT_BYTES + MAC_BYTES), macOf(key, body))) return undefined;
      const revision = Number(body.readBigUInt64BE(0));
      const isThere = body[REVISION_BYTES] === 1;
      return { revision, bytes: isThere ? body.subarray(REVISION_BYTES + PRESENCE_BYTES) : undefined };
    },
  };
}
