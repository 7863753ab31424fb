/** In the order of their code points, which are those of their bytes too. */
const ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';

const BITS = 6;
const BYTE_BITS = 8;
const BYTE_MAX = 0xff;

/**
 * Writes bytes in characters that any store takes and orders alike, so that the texts stand to each other as the bytes
 * do, or the other way round. Behind a text has to come something that is less than every character of it, or greater.
 */
export function orderedText(bytes: Uint8Array, { descending }: { readonly descending: boolean }): string {
  let text = '';
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = (pending << BYTE_BITS) | (descending ? BYTE_MAX - byte : byte);
    bits += BYTE_BITS;
    while (bits >= BITS) {
      bits -= BITS;
      text += ALPHABET[pending >> bits] ?? '';
      pending &= (1 << bits) - 1;
    }
  }
  if (bits === 0) return text;
  const missing = BITS - bits;
  const padding = descending ? (1 << missing) - 1 : 0;
  return text + (ALPHABET[(pending << missing) | padding] ?? '');
}
