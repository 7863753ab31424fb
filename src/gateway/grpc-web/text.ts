import { invalidRequest } from '../../rpc/errors.js';

/** So many characters of base64 stand alone: they are three bytes, or fewer where padding follows. */
const QUANTUM = 4;

/** Decodes base64 as it comes. It may be padded in many places, for it was encoded piece by piece. */
export async function* decodeText(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held = '';
  for await (const chunk of body) {
    held += chunk.toString('latin1').replace(/[\r\n]/g, '');
    const whole = held.length - (held.length % QUANTUM);
    if (whole > 0) yield decode(held.slice(0, whole));
    held = held.slice(whole);
  }
  if (held !== '') throw malformed();
}

function decode(text: string): Buffer {
  const pieces = text.match(/[A-Za-z0-9+/]+={0,2}/g) ?? [];
  if (pieces.join('') !== text || pieces.some((piece) => piece.length % QUANTUM !== 0)) throw malformed();
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
}

function malformed(): Error {
  return invalidRequest([{ field: '', description: 'Body is not base64' }]);
}
