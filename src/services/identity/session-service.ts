import type { Empty } from '../../../gen/google/protobuf/empty.js';
import type { Session } from '../../../gen/keelson/identity/v1/resources.js';
import {
  SessionServiceDefinition,
  type ListSessionsRequest,
  type ListSessionsResponse,
  type RefreshSessionRequest,
  type RevokeAllSessionsRequest,
  type RevokeSessionRequest,
  type SignOutRequest,
  type Tokens,
} from '../../../gen/keelson/identity/v1/session_service.js';
import type { SessionFamilies, SessionFamily } from '../../repositories/session-families.js';
import { translating } from '../../repositories/translate-errors.js';
import type { CallContext } from '../../rpc/context.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { pageSizeOf } from '../page-size.js';
import { toTimestamp } from '../timestamp.js';
import type { Sessions } from './sessions.js';
import { createSignIn, type SignInDeps } from './sign-in.js';
import { toTokens } from './tokens-message.js';

export interface SessionServiceDeps extends Omit<SignInDeps, 'sessions'> {
  readonly sessions: Sessions;
  readonly families: Pick<SessionFamilies, 'list'>;
}

/** Serves `keelson.identity.v1.SessionService`. */
export function createSessionService(deps: SessionServiceDeps): ServiceImplementation {
  const { sessions, families } = deps;
  return implementService(SessionServiceDefinition, {
    signIn: translating(createSignIn(deps)),
    refreshSession: translating(async (ctx: CallContext, { refreshToken }: RefreshSessionRequest): Promise<Tokens> =>
      toTokens(await sessions.refresh(refreshToken, { signal: ctx.signal })),
    ),
    signOut: translating(async (_ctx: CallContext, { refreshToken }: SignOutRequest): Promise<Empty> => {
      const name = sessions.nameOf(refreshToken);
      if (name !== undefined) await sessions.end(name);
      return {};
    }),
    listSessions: translating(async (ctx: CallContext, request: ListSessionsRequest): Promise<ListSessionsResponse> => {
      const { parent, pageToken: after } = request;
      const limit = pageSizeOf(request);
      const found = await families.list(parent, { after, limit }, ctx.signal);
      const nowMs = ctx.clock.now();
      const live = found.filter(({ ended, expireTime }) => !ended && nowMs < expireTime);
      const last = found.length < limit ? undefined : found.at(-1);
      return { sessions: live.map(toMessage), nextPageToken: last?.name ?? '' };
    }),
    revokeSession: translating(async (_ctx: CallContext, { name }: RevokeSessionRequest): Promise<Empty> => {
      await sessions.end(name);
      return {};
    }),
    revokeAllSessions: translating(async (_ctx: CallContext, { parent }: RevokeAllSessionsRequest): Promise<Empty> => {
      await sessions.endAll(parent);
      return {};
    }),
  });
}

function toMessage({ name, userAgent, address, createTime, refreshTime, expireTime }: SessionFamily): Session {
  return {
    name,
    userAgent,
    address,
    createTime: toTimestamp(createTime),
    refreshTime: toTimestamp(refreshTime),
    expireTime: toTimestamp(expireTime),
  };
}
