import { HeaderValueOption_HeaderAppendAction as AppendAction } from '../../../gen/envoy/config/core/v3/base.js';
import {
  AuthorizationDefinition,
  CheckResponse,
  type CheckRequest,
} from '../../../gen/envoy/service/auth/v3/external_auth.js';
import { translating } from '../../repositories/translate-errors.js';
import { readBearerToken, type Authenticator } from '../../rpc/access.js';
import type { CallContext, Caller } from '../../rpc/context.js';
import { implementService, type ServiceImplementation } from '../../rpc/service.js';
import { isCanonical, type AccessDecisions } from './access-decisions.js';
import { assertMayAsk } from './check-access.js';

/** What a route's settings say, as `context_extensions`. */
const PERMISSION = 'permission';
const RESOURCE = 'resource';
/** In place of `resource`: what is left of the path behind this is the name of the resource. */
const RESOURCE_AFTER = 'resource_after';

/** Under which the service behind the proxy is told who is calling. */
const CALLER_HEADER = 'x-keelson-caller';

const PERMISSION_NAME = /^[a-z][a-z0-9]{0,62}(?:\.[a-z][a-zA-Z0-9]{0,62}){2}$/;

/** Of google.rpc.Code. */
const CODES = { OK: 0, PERMISSION_DENIED: 7, UNAUTHENTICATED: 16 } as const;

export interface EnvoyAuthorizationDeps {
  readonly authenticator: Authenticator;
  readonly decisions: AccessDecisions;
  /** The contract is Envoy's, and has none. */
  readonly policy: NonNullable<ServiceImplementation['policy']>;
}

/**
 * Serves `envoy.service.auth.v3.Authorization`: a request passes if its caller, by its bearer token or else by the
 * certificate that the proxy has verified, holds the permission of its route on the resource. The proxy itself needs
 * the permission to ask about others there. Whatever is missing denies.
 */
export function createEnvoyAuthorization(deps: EnvoyAuthorizationDeps): ServiceImplementation {
  const { authenticator, decisions, policy } = deps;
  const check = async (ctx: CallContext, { attributes }: CheckRequest): Promise<CheckResponse> => {
    const { source, request, contextExtensions = new Map<string, string>() } = attributes ?? {};
    const { headers = new Map<string, string>(), path = '' } = request?.http ?? {};
    const permission = contextExtensions.get(PERMISSION) ?? '';
    const resource = resourceOf(contextExtensions, path);
    await decisions.reach(ctx);
    assertMayAsk(decisions, ctx, resource ?? '*');
    const caller = await recognise(authenticator, headers.get('authorization'), source?.principal ?? '');
    if (caller === undefined) return denied('UNAUTHENTICATED', 'Request needs a valid token');
    const isAllowed =
      resource !== undefined && PERMISSION_NAME.test(permission) && decisions.callerMay(caller, permission, resource);
    if (!isAllowed) return denied('PERMISSION_DENIED', 'Request is denied or what it is about does not exist');
    return CheckResponse.fromPartial({
      status: { code: CODES.OK },
      httpResponse: { $case: 'okResponse', value: { headers: [header(CALLER_HEADER, caller.name)] } },
    });
  };
  return implementService(AuthorizationDefinition, { check: translating(check) }, { policy });
}

/** A token that is not valid is not made up for by a certificate. */
async function recognise(
  authenticator: Authenticator,
  authorization: string | undefined,
  principal: string,
): Promise<Caller | undefined> {
  if (authorization === undefined) {
    return principal === '' ? undefined : authenticator.authenticatePeer?.(principal, 0);
  }
  const token = readBearerToken(authorization);
  return token === undefined ? undefined : authenticator.authenticate(token, 0);
}

function resourceOf(settings: ReadonlyMap<string, string>, target: string): string | undefined {
  const fixed = settings.get(RESOURCE);
  if (fixed !== undefined && fixed !== '') return fixed;
  const prefix = settings.get(RESOURCE_AFTER);
  const path = target.replace(/[?#].*$/s, '');
  if (prefix === undefined || prefix === '' || !path.startsWith(prefix)) return undefined;
  const name = path.slice(prefix.length);
  return isCanonical(name) ? name : undefined;
}

function denied(code: 'UNAUTHENTICATED' | 'PERMISSION_DENIED', message: string): CheckResponse {
  const httpStatus = code === 'UNAUTHENTICATED' ? 401 : 403;
  const challenge = code === 'UNAUTHENTICATED' ? [header('www-authenticate', 'Bearer realm="keelson"')] : [];
  return CheckResponse.fromPartial({
    status: { code: CODES[code], message },
    httpResponse: {
      $case: 'deniedResponse',
      value: {
        status: { code: httpStatus },
        headers: [header('content-type', 'application/json'), ...challenge],
        body: JSON.stringify({ error: { code: httpStatus, message, status: code } }),
      },
    },
  });
}

/** In the place of one that the request brought: whoever calls must not say who they are. */
function header(key: string, value: string) {
  return { header: { key, value }, appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD };
}
