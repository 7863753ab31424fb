import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

const SECRET_BYTES = 32;
const TOKEN = /^keelson_([a-z][a-z0-9-]{0,62})\.([a-z0-9][a-z0-9-]{0,62})_([A-Za-z0-9_-]{43})$/;
const KEY_NAME = /^serviceAccounts\/([^/]+)\/apiKeys\/([^/]+)$/;

/** What every token of an API key begins with; secret scanners recognise one by it. */
export const API_KEY_PREFIX = 'keelson_';

/** The two parts of a token of an API key: the name of the key, which is no secret, and the secret. */
export interface TokenParts {
  readonly keyName: string;
  readonly secret: string;
}

/** Makes a random secret of 256 bits. */
export function createSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Gives what all tokens of a key begin with: `keelson_<account>.<key>`. */
export function tokenPrefix(keyName: string): string {
  const [, account = '', key = ''] = KEY_NAME.exec(keyName) ?? [];
  return `${API_KEY_PREFIX}${account}.${key}`;
}

/** Writes a token: `keelson_<account>.<key>_<secret>`. */
export function formatToken({ keyName, secret }: TokenParts): string {
  return `${tokenPrefix(keyName)}_${secret}`;
}

/** Reads a token, or gives undefined for what cannot be one. */
export function parseToken(token: string): TokenParts | undefined {
  const [, account, key, secret] = TOKEN.exec(token) ?? [];
  if (account === undefined || key === undefined || secret === undefined) return undefined;
  return { keyName: `serviceAccounts/${account}/apiKeys/${key}`, secret };
}

/** SHA-256 in hex. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret);
}

/** Compares a secret with a stored hash in a time that does not depend on where they differ. */
export function secretMatches(secret: string, storedHash: string): boolean {
  const given = Buffer.from(hashSecret(secret));
  const stored = Buffer.from(storedHash);
  return given.length === stored.length && timingSafeEqual(given, stored);
}
