import type { Message } from '@bufbuild/protobuf';
import type { Authenticator, Authorizer } from './access.js';
import { ANONYMOUS, type CallConsistency, type Caller } from './context.js';
import { ServiceError } from './errors.js';
import type { RunningCall } from './running-call.js';
import { StandingAccess } from './standing-access.js';

export interface Judges {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

/** A public method asks for no token, and looks at none: a stale one must not lock a probe out. */
export async function identify(
  authenticator: Authenticator,
  { method, call, consistency }: RunningCall,
): Promise<Caller> {
  if (method.policy.access.kind === 'public') return ANONYMOUS;
  const header = call.metadata.get('authorization');
  if (header === undefined) {
    const peer =
      call.peerName === undefined
        ? undefined
        : await authenticator.authenticatePeer?.(call.peerName, consistency.carried);
    if (peer !== undefined) return peer;
    throw new ServiceError('TOKEN_MISSING', 'Call needs a token: send metadata "authorization: Bearer <token>"');
  }
  const token = /^Bearer +(\S+)$/i.exec(header)?.[1];
  const caller = token === undefined ? undefined : await authenticator.authenticate(token, consistency.carried);
  if (caller === undefined) throw new ServiceError('TOKEN_INVALID', 'Token is not valid');
  return caller;
}

/** Judges the permission of a method on the resource that a request names. */
export async function authorize(authorizer: Authorizer, running: RunningCall, message: Message): Promise<void> {
  running.resource = running.method.readResource?.(message) ?? '';
  await assertAllowed(authorizer, running, running.context);
  running.isPermitted = true;
}

/** Makes what holds a stream to what its caller may do as time goes by, and gives the stream back. */
export function createStandingJudge(judges: Judges): (running: RunningCall) => RunningCall {
  const standing = new StandingAccess();
  return (running) => {
    const isPublic = running.method.policy.access.kind === 'public';
    if (!isPublic) standing.watch(running.lifetime, () => judgeAgain(judges, running));
    return running;
  };
}

/**
 * Judges a call that is under way as if it came now: its token, and its permission on the resource that it named last. Goes by
 * what the process has read of the log, which is at most a moment old.
 */
async function judgeAgain({ authenticator, authorizer }: Judges, running: RunningCall): Promise<void> {
  const caller = await identify(authenticator, running);
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

const AS_KNOWN: CallConsistency = Object.freeze({
  freshness: 'any',
  saw: () => undefined,
  caughtUp: () => undefined,
  sawToken: () => undefined,
});

async function assertAllowed(
  authorizer: Authorizer,
  { method, resource }: RunningCall,
  ctx: Parameters<Authorizer['isAllowed']>[0],
): Promise<void> {
  const { access } = method.policy;
  if (access.kind !== 'permission' || (await authorizer.isAllowed(ctx, access.name, resource))) return;
  throw new ServiceError(
    'PERMISSION_DENIED',
    `Permission "${access.name}" on "${resource}" is denied or it does not exist`,
    { metadata: { permission: access.name, resource } },
  );
}
