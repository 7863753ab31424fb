import type { Tokens } from '../../../gen/keelson/identity/v1/session_service.js';
import { toTimestamp } from '../timestamp.js';
import type { IssuedTokens } from './sessions.js';

export function toTokens(issued: IssuedTokens): Tokens {
  const { accessToken, accessTokenExpireTime, refreshToken, refreshTokenExpireTime, session } = issued;
  return {
    accessToken,
    accessTokenExpireTime: toTimestamp(accessTokenExpireTime),
    refreshToken,
    refreshTokenExpireTime: toTimestamp(refreshTokenExpireTime),
    session,
  };
}
