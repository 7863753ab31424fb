import { createHmac, timingSafeEqual } from 'node:crypto';

const FORMAT = 2;
const FORMAT_BYTES = 1;
const MAC_BYTES = 16;
const REVISION_BYTES = 8;
const PRESENCE_BYTES = 1;
const MARK_BYTES = 8;
const HEADER_BYTES = FORMAT_BYTES + MAC_BYTES + REVISION_BYTES + PRESENCE_BYTES;

/** A value as some process read it at a revision. No bytes: at that revision there was none under the key. */
export interface Sighting {
  readonly revision: number;
  readonly bytes: Uint8Array | undefined;
}

/** Seals what is left with a shared tier, so that it can be believed when it comes back. */
export interface Envelopes {
  /** Gives undefined where this process cannot tell by which history it came to the revision. */
  seal(key: string, sighting: Sighting): Uint8Array | undefined;
  /** Gives undefined for what was not sealed with this secret, under this key and in this history, whole and unchanged. */
  open(key: string, envelope: Uint8Array): Sighting | undefined;
}

/** The mark of the history up to a revision, where the process knows it. */
export type MarkAt = (revision: number) => bigint | undefined;

/**
 * The form: format (1 byte), the first 16 bytes of HMAC-SHA-256 over key, NUL, mark and all that follows (RFC 2104),
 * revision (8 bytes, big-endian), 1 or 0 for whether there is a value, the value. The mark is that of the history up to
 * the revision (8 bytes, big-endian), which whoever opens it has to know. Processes that share a tier share the secret.
 */
export function createEnvelopes(secret: Uint8Array, markAt: MarkAt): Envelopes {
  const macOf = (key: string, mark: bigint, body: Uint8Array) => {
    const history = Buffer.alloc(MARK_BYTES);
    history.writeBigUInt64BE(mark);
    const mac = createHmac('sha256', secret).update(`${key}\0`).update(history).update(body);
    return mac.digest().subarray(0, MAC_BYTES);
  };
  return {
    seal(key, { revision, bytes }) {
      const mark = markAt(revision);
      if (mark === undefined) return undefined;
      const envelope = Buffer.alloc(HEADER_BYTES + (bytes?.length ?? 0));
      envelope[0] = FORMAT;
      envelope.writeBigUInt64BE(BigInt(revision), FORMAT_BYTES + MAC_BYTES);
      envelope[HEADER_BYTES - PRESENCE_BYTES] = bytes === undefined ? 0 : 1;
      if (bytes !== undefined) envelope.set(bytes, HEADER_BYTES);
      envelope.set(macOf(key, mark, envelope.subarray(FORMAT_BYTES + MAC_BYTES)), FORMAT_BYTES);
      return envelope;
    },
    open(key, envelope) {
      const whole = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.byteLength);
      if (whole.length < HEADER_BYTES || whole[0] !== FORMAT) return undefined;
      const body = whole.subarray(FORMAT_BYTES + MAC_BYTES);
      const revision = Number(body.readBigUInt64BE(0));
      const mark = markAt(revision);
      if (mark === undefined) return undefined;
      if (!timingSafeEqual(whole.subarray(FORMAT_BYTES, FORMAT_BYTES + MAC_BYTES), macOf(key, mark, body)))
        return undefined;
      const isThere = body[REVISION_BYTES] === 1;
      return { revision, bytes: isThere ? body.subarray(REVISION_BYTES + PRESENCE_BYTES) : undefined };
    },
  };
}
