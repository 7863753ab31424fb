import { randomBytes } from 'node:crypto';

/** Randomness costs more by the call than by the byte. */
const POOL_BYTES = 4096;
const DIGITS_PER_BYTE = 2;

let pool = '';
let taken = 0;

/** Gives so many random bytes as hexadecimal digits, from the generator that secrets come from. */
export function randomHex(bytes: number): string {
  const digits = bytes * DIGITS_PER_BYTE;
  if (taken + digits > pool.length) {
    pool = randomBytes(Math.max(POOL_BYTES, bytes)).toString('hex');
    taken = 0;
  }
  taken += digits;
  return pool.slice(taken - digits, taken);
}
