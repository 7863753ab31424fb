import { invalidRequest } from '../../rpc/errors.js';

/** Decodes base64 that may be padded in many places, for it was encoded piece by piece. */
export function decodeText(body: Buffer): Buffer {
  const text = body.toString('latin1').replace(/[\r\n]/g, '');
  const pieces = text.match(/[A-Za-z0-9+/]+={0,2}/g) ?? [];
  if (pieces.join('') !== text || text.length % 4 !== 0) {
    throw invalidRequest([{ field: '', description: 'Body is not base64' }]);
  }
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
}
