import type { JsonObject } from '@bufbuild/protobuf';
import { Code } from '../../rpc/codes.js';
import { REASONS, type Reason } from '../../rpc/errors.js';
import { HTTP_STATUS } from '../http/http-status.js';
import { oauthErrorOf } from '../rest/render-oauth-error.js';
import { SCHEMA_REF } from './message-schemas.js';

/** Every call can fail in these ways. */
const ALWAYS: readonly Reason[] = [
  'INVALID_REQUEST',
  'LIMIT_EXCEEDED',
  'OVERLOADED',
  'SERVER_DRAINING',
  'STORE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
];

/** What the answers of a call that fails depend on. */
export interface Failing {
  readonly access: 'public' | 'authenticated' | 'permission';
  readonly hasBody: boolean;
  readonly hasIfMatch: boolean;
  /** What the contract says, which names reasons in backticks. */
  readonly comment: string;
}

/**
 * Gives the responses of a call that fails, by HTTP status, each with the reasons that it may have. What they refer to is
 * added to `shared`: many calls fail alike.
 */
export function errorResponses(failing: Failing, shared: Record<string, JsonObject>): JsonObject {
  const byStatus = new Map<number, Reason[]>();
  for (const reason of reasonsOf(failing)) {
    const status = reason === 'MESSAGE_TOO_LARGE' ? 413 : HTTP_STATUS[REASONS[reason]];
    byStatus.set(status, [...(byStatus.get(status) ?? []), reason]);
  }
  if (failing.hasIfMatch) byStatus.set(412, ['ETAG_MISMATCH']);
  if (failing.hasBody) byStatus.set(415, ['INVALID_REQUEST']);
  const statuses = [...byStatus].sort(([one], [other]) => one - other);
  return {
    ...Object.fromEntries(
      statuses.map(([status, reasons]) => {
        const name = `${status}-${reasons.join('-')}`;
        shared[name] ??= errorResponse(status, reasons);
        return [String(status), { $ref: `#/components/responses/${name}` }];
      }),
    ),
    default: { $ref: '#/components/responses/Error' },
  };
}

/** The same for a call in the form of OAuth 2.0, whose failures have the form and the names of that. */
export function oauthErrorResponses(failing: Failing, shared: Record<string, JsonObject>): JsonObject {
  const byStatus = new Map<number, Set<string>>();
  for (const reason of reasonsOf(failing)) {
    const { error, status } = oauthErrorOf(reason, REASONS[reason]);
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(error));
  }
  const statuses = [...byStatus].sort(([one], [other]) => one - other);
  shared['OAuthError'] ??= OAUTH_ERROR_RESPONSE;
  return {
    ...Object.fromEntries(
      statuses.map(([status, errors]) => {
        const name = `OAuth-${status}-${[...errors].join('-')}`;
        shared[name] ??= failureResponse(status, {
          description: [...errors].map((error) => `\`${error}\``).join(', '),
          challenge: 'Says how a client may show who it is.',
          content: OAUTH_ERROR_RESPONSE.content,
        });
        return [String(status), { $ref: `#/components/responses/${name}` }];
      }),
    ),
    default: { $ref: '#/components/responses/OAuthError' },
  };
}

const OAUTH_ERROR_RESPONSE = {
  description: 'The call has failed. `error` says why, for programs to act on.',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        description: 'Tells of a failure (RFC 6749, section 5.2).',
        required: ['error', 'error_description'],
        properties: {
          error: { type: 'string', description: 'Names the failure. More may come.' },
          error_description: {
            type: 'string',
            description: 'Says to people what is wrong. It may change at any time.',
          },
        },
      },
    },
  },
} satisfies JsonObject;

function reasonsOf({ access, hasBody, comment }: Failing): Set<Reason> {
  const named = [...comment.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, word]) => word ?? '').filter(isReason);
  return new Set([
    ...ALWAYS,
    ...(access === 'public' ? [] : (['TOKEN_MISSING', 'TOKEN_INVALID'] as const)),
    ...(access === 'permission' ? (['PERMISSION_DENIED'] as const) : []),
    ...(hasBody ? (['MESSAGE_TOO_LARGE'] as const) : []),
    ...named,
  ]);
}

function isReason(word: string): word is Reason {
  return Object.hasOwn(REASONS, word);
}

function errorResponse(status: number, reasons: readonly Reason[]): JsonObject {
  return failureResponse(status, {
    description: reasons.map((reason) => `\`${reason}\``).join(', '),
    challenge: 'Says that a bearer token is wanted, or that the given one is not valid.',
    content: ERROR_RESPONSE.content,
  });
}

interface Failure {
  readonly description: string;
  /** What is said about the challenge of a 401. */
  readonly challenge: string;
  readonly content: JsonObject;
}

function failureResponse(status: number, { description, challenge, content }: Failure): JsonObject {
  const headers: Record<number, JsonObject> = {
    401: { 'WWW-Authenticate': header(challenge) },
    429: { 'Retry-After': header('Says after how many seconds to try again.') },
    503: { 'Retry-After': header('Says after how many seconds to try again.') },
  };
  return {
    description,
    ...(headers[status] === undefined ? {} : { headers: headers[status] }),
    content,
  };
}

function header(description: string): JsonObject {
  return { description, schema: { type: 'string' } };
}

/** The response of every failure that no status is named for. */
export const ERROR_RESPONSE = {
  description: 'The call has failed. `error.details[].reason` says why, for programs to act on.',
  content: { 'application/json': { schema: { $ref: `${SCHEMA_REF}Error` } } },
} satisfies JsonObject;

const TYPE_URL = 'type.googleapis.com/google.rpc.';

/** The schema of every failure (AIP-193). */
export const ERROR_SCHEMA: JsonObject = {
  type: 'object',
  description: 'Tells of a failure (AIP-193).',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'status', 'details'],
      properties: {
        code: { type: 'integer', description: 'Is the HTTP status.' },
        message: { type: 'string', description: 'Says to people what is wrong. It may change at any time.' },
        status: { type: 'string', enum: Object.keys(Code).filter((name) => name !== 'OK') },
        details: {
          type: 'array',
          description: 'Holds what programs act on: first an ErrorInfo, then what helps with its reason.',
          items: {
            type: 'object',
            required: ['@type'],
            properties: {
              '@type': { type: 'string', examples: [`${TYPE_URL}ErrorInfo`, `${TYPE_URL}BadRequest`] },
              reason: {
                type: 'string',
                description: 'Names the failure, in an ErrorInfo. More may come.',
                examples: Object.keys(REASONS),
              },
              domain: { type: 'string' },
              metadata: { type: 'object', additionalProperties: { type: 'string' } },
              fieldViolations: {
                type: 'array',
                description: 'Names every field at fault, in a BadRequest.',
                items: {
                  type: 'object',
                  properties: { field: { type: 'string' }, description: { type: 'string' } },
                },
              },
              retryDelay: { type: 'string', description: 'Says when to try again, in a RetryInfo.', examples: ['1s'] },
            },
            additionalProperties: true,
          },
        },
      },
    },
  },
};
