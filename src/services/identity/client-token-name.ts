import { randomUUID } from 'node:crypto';
import { hashSecret, type TokenParts } from './token.js';

const PRINT_CHARS = 16;
const NAME = /^(serviceAccounts\/[^/]+\/apiKeys\/[^/]+)\/tokens\/([0-9a-f]{16})-[0-9a-f-]{36}$/;

/**
 * Names an access token that was given for an API key, so that it can be ended alone, and ends with the key: the name
 * holds that of the key and the beginning of the hash of its secret, which says nothing of the secret.
 */
export function clientTokenName({ keyName, secret }: TokenParts): string {
  return `${keyName}/tokens/${hashSecret(secret).slice(0, PRINT_CHARS)}-${randomUUID()}`;
}

/** What the name of such a token says. */
export interface ClientTokenParts {
  readonly keyName: string;
  /** How the hash of the secret begins that it was given for. */
  readonly print: string;
}

/** Undefined for the name of anything else, such as a session. */
export function parseClientTokenName(name: string): ClientTokenParts | undefined {
  const [, keyName, print] = NAME.exec(name) ?? [];
  return keyName === undefined || print === undefined ? undefined : { keyName, print };
}
