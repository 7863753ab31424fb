import type { Message } from '@bufbuild/protobuf';
import type { Awaitable } from '../async/awaitable.js';
import type { Authenticator, Authorizer } from './access.js';
import { createBearerReader } from './bearer-token.js';
import { ANONYMOUS, type CallConsistency, type Caller } from './context.js';
import { ServiceError } from './errors.js';
import type { RunningCall } from './running-call.js';
import { StandingAccess } from './standing-access.js';

export interface Judges {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

/** Judges calls: who makes them, and whether they may. */
export interface CallJudge {
  /**
   * Says who is calling. A public method asks for no token, and looks at none: a stale one must not lock a probe out. Throws
   * TOKEN_MISSING or TOKEN_INVALID.
   */
  readonly identify: (running: RunningCall) => Awaitable<Caller>;
  /** Judges the permission of a method on the resource that a request names. Undefined where nothing has to be waited for. */
  readonly authorize: (running: RunningCall, message: Message) => Promise<void> | undefined;
  /** Holds a stream to what its caller may do as time goes by, and gives it back. */
  readonly holdTo: (running: RunningCall) => RunningCall;
}

export function createCallJudge({ authenticator, authorizer }: Judges): CallJudge {
  const standing = new StandingAccess();
  const readToken = createBearerReader();

  function identify(running: RunningCall): Awaitable<Caller> {
    const { method, call, consistency } = running;
    if (method.policy.access.kind === 'public') return ANONYMOUS;
    const header = call.metadata.get('authorization');
    if (header === undefined) return identifyPeer(authenticator, running);
    const token = readToken(header);
    const caller = token === undefined ? undefined : authenticator.authenticate(token, consistency.carried);
    return caller instanceof Promise ? caller.then(recognised) : recognised(caller);
  }

  /**
   * Judges a call that is under way as if it came now: its token, and its permission on the resource that it named last. Goes by
   * what the process has read of the log, which is at most a moment old.
   */
  async function judgeAgain(running: RunningCall): Promise<void> {
    const caller = await identify(running);
    // A stream of requests may not have named anything yet.
    if (!running.isPermitted) return;
    await assertAllowed(authorizer, running, {
      caller,
      consistency: AS_KNOWN,
      get signal() {
        return running.signal;
      },
    });
  }

  return {
    identify,
    authorize(running, message) {
      running.resource = running.method.readResource?.(message) ?? '';
      const judged = assertAllowed(authorizer, running, running.context);
      const permit = () => {
        running.isPermitted = true;
      };
      if (judged !== undefined) return judged.then(permit);
      permit();
      return undefined;
    },
    holdTo(running) {
      const isPublic = running.method.policy.access.kind === 'public';
      if (!isPublic) standing.watch(running.lifetime, () => judgeAgain(running));
      return running;
    },
  };
}

function recognised(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new ServiceError('TOKEN_INVALID', 'Token is not valid');
  return caller;
}

async function identifyPeer(authenticator: Authenticator, { call, consistency }: RunningCall): Promise<Caller> {
  const { peerName } = call;
  const peer = peerName && (await authenticator.authenticatePeer?.(peerName, consistency.carried));
  if (peer) return peer;
  throw new ServiceError('TOKEN_MISSING', 'Call needs a token: send metadata "authorization: Bearer <token>"');
}

const AS_KNOWN: CallConsistency = Object.freeze({
  freshness: 'any',
  saw: () => undefined,
  caughtUp: () => undefined,
  sawToken: () => undefined,
});

function assertAllowed(
  authorizer: Authorizer,
  { method, resource }: RunningCall,
  ctx: Parameters<Authorizer['isAllowed']>[0],
): Promise<void> | undefined {
  const { access } = method.policy;
  if (access.kind !== 'permission') return undefined;
  const hold = (isAllowed: boolean) => {
    if (!isAllowed) throw denied(access.name, resource);
  };
  const isAllowed = authorizer.isAllowed(ctx, access.name, resource);
  if (isAllowed instanceof Promise) return isAllowed.then(hold);
  hold(isAllowed);
  return undefined;
}

function denied(permission: string, resource: string): ServiceError {
  const message = `Permission "${permission}" on "${resource}" is denied or it does not exist`;
  return new ServiceError('PERMISSION_DENIED', message, { metadata: { permission, resource } });
}
