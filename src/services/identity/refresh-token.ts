import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a refresh token says: which session, and which of its tokens. */
export interface RefreshTokenParts {
  readonly session: string;
  /** From 1 on. */
  readonly generation: number;
}

/**
 * Refresh tokens that can be written again, so that nothing of them needs to be stored: their parts, and a proof that this
 * server wrote them (HMAC-SHA-256).
 */
export interface RefreshTokens {
  write(parts: RefreshTokenParts): string;
  /** Undefined for what this server has not written. */
  read(token: string): RefreshTokenParts | undefined;
}

const TOKEN = /^keelsonr_([A-Za-z0-9_-]{8,300})\.([1-9][0-9]{0,9})\.([A-Za-z0-9_-]{43})$/;

export function createRefreshTokens(key: Uint8Array): RefreshTokens {
  const prove = (text: string) => createHmac('sha256', key).update(text).digest();
  return {
    write: ({ session, generation }) => {
      const text = `${Buffer.from(session).toString('base64url')}.${generation}`;
      return `keelsonr_${text}.${prove(text).toString('base64url')}`;
    },
    read: (token) => {
      const [, session = '', generation = '', proof = ''] = TOKEN.exec(token) ?? [];
      const given = Buffer.from(proof, 'base64url');
      const expected = prove(`${session}.${generation}`);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
      return { session: Buffer.from(session, 'base64url').toString(), generation: Number(generation) };
    },
  };
}
