import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const SECRET_BYTES = 32;
const TOKEN = /^keelson_([a-z][a-z0-9-]{0,62})_([A-Za-z0-9_-]{43})$/;

/** The two parts of a token: the id of an API key, which is no secret, and the secret. */
export interface TokenParts {
  readonly keyId: string;
  readonly secret: string;
}

/** Makes a random secret of 256 bits. */
export function createSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Writes a token: `keelson_<key id>_<secret>`. The prefix lets secret scanners recognise one. */
export function formatToken({ keyId, secret }: TokenParts): string {
  return `keelson_${keyId}_${secret}`;
}

/** Reads a token, or gives undefined for what cannot be one. */
export function parseToken(token: string): TokenParts | undefined {
  const [, keyId, secret] = TOKEN.exec(token) ?? [];
  return keyId === undefined || secret === undefined ? undefined : { keyId, secret };
}

/** SHA-256 in hex. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares a secret with a stored hash in a time that does not depend on where they differ. */
export function secretMatches(secret: string, storedHash: string): boolean {
  const given = Buffer.from(hashSecret(secret));
  const stored = Buffer.from(storedHash);
  return given.length === stored.length && timingSafeEqual(given, stored);
}
