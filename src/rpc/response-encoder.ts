import { rememberingBytes } from '../frozen/frozen.js';
import { assertSize } from './call-limits.js';
import { limitError, type Limits } from './limits.js';
import { createMessageEncoder } from './message-encoder.js';
import type { Method } from './method-table.js';

/** Encodes the answer of a method, or refuses one that is too large. */
export type ResponseEncoder = (method: Method, response: unknown) => Uint8Array;

/**
 * Makes an encoder that remembers the bytes of frozen answers: where a handler gives the same one again, as for a resource
 * that comes from a cache, it has it encoded once.
 */
export function createResponseEncoder(limits: Limits): ResponseEncoder {
  const encodeMessage = createMessageEncoder();
  const encoders = new Map<Method, (response: object) => Uint8Array>();

  function encoderOf(method: Method): (response: object) => Uint8Array {
    let encode = encoders.get(method);
    if (encode === undefined) {
      encode = rememberingBytes((response) => encodeMessage(method.responseCodec, response));
      encoders.set(method, encode);
    }
    return encode;
  }

  return (method, response) => {
    // Every generated message is an object.
    const bytes = encoderOf(method)(response as object);
    assertSize(method, 'responseBytesMax', bytes.byteLength);
    if (bytes.byteLength <= limits.messageBytesMax) return bytes;
    const message = `Answer has ${bytes.byteLength} bytes, which is more than are sent`;
    throw limitError(limits, 'messageBytesMax', message, { reason: 'MESSAGE_TOO_LARGE' });
  };
}
