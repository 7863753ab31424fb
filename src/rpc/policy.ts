import {
  AuditDetail,
  CacheScope,
  Freshness,
  Idempotency,
  MethodPolicy,
  type AuditPolicy as AuditPolicyMessage,
  type CachePolicy as CachePolicyMessage,
  type LimitPolicy as LimitPolicyMessage,
} from '../../gen/keelson/options/v1/options.js';
import type { Duration } from '../../gen/google/protobuf/duration.js';

/** The number of the extension `keelson.options.v1.method`. */
const METHOD_POLICY_FIELD = 50_541;
const WIRE_TYPE_BYTES = 2;
/** The key under which ts-proto keeps the bytes of an extension it does not know: field number and wire type. */
const METHOD_POLICY_TAG = (METHOD_POLICY_FIELD << 3) | WIRE_TYPE_BYTES;

const MS_PER_SECOND = 1000;
const NANOS_PER_MS = 1_000_000;

/** Who may call a method. */
export type Access = { readonly kind: 'public' } | { readonly kind: 'authenticated' } | PermissionAccess;

/** Asks for a permission on a resource. One of `resource` and `collection` is empty. */
export interface PermissionAccess {
  readonly kind: 'permission';
  readonly name: string;
  /** The path of the request field that names the resource: `document.name`. */
  readonly resource: string;
  /** The collection that the permission is judged on, where no field names a resource: `roles`. */
  readonly collection: string;
}

/** What a call is sure to see, in the words in which callers ask for it. */
export const CONSISTENCIES = ['linearizable', 'at-least', 'any'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** How new the answers of a method are, and who may keep them. */
export interface CachePolicy {
  /** Applies to calls that do not ask for one of their own. */
  readonly consistency: Consistency;
  /** How long HTTP caches may answer with what they have, and whose. Undefined: they ask every time. */
  readonly http: HttpCaching | undefined;
}

export interface HttpCaching {
  readonly maxAgeMs: number;
  readonly scope: 'private' | 'public';
}

/** What one call may send and get, below the limits of the server. Infinity where the contract states no limit. */
export interface CallLimits {
  readonly requestBytesMax: number;
  readonly responseBytesMax: number;
  readonly requestMessagesMax: number;
  readonly responseMessagesMax: number;
}

/** What the audit keeps of a call: nothing, that it was made, some fields of its requests besides, or all of them. */
export type Audit =
  | { readonly kind: 'none' }
  | { readonly kind: 'call' }
  /** `paths` as in a field mask: `document.name`. */
  | { readonly kind: 'fields'; readonly paths: readonly string[] }
  | { readonly kind: 'request' };

/** What a contract says about a call beyond its shape. */
export interface Policy {
  readonly access: Access;
  readonly deadlineDefaultMs: number;
  /** Infinity for streams that are meant to stay open. */
  readonly deadlineMaxMs: number;
  readonly idempotency: Exclude<Idempotency, Idempotency.IDEMPOTENCY_UNSPECIFIED | Idempotency.UNRECOGNIZED>;
  /** Undefined where the contract says nothing of it: answers are linearizable, and HTTP caches ask every time. */
  readonly cache?: CachePolicy;
  /** Undefined where only the limits of the server count. */
  readonly limits?: CallLimits;
  /** Undefined where the contract says nothing of it: calls that may change something are kept. */
  readonly audit?: Audit;
}

/** Reads the policy from the options of a generated method definition. Undefined where the contract states none. */
export function readPolicy(options: {
  readonly _unknownFields?: Readonly<Record<number, readonly Uint8Array[]>>;
}): Policy | undefined {
  const bytes = options._unknownFields?.[METHOD_POLICY_TAG]?.[0];
  if (bytes === undefined) return undefined;
  const message = MethodPolicy.decode(withoutLengthPrefix(bytes));
  const access = readAccess(message);
  const defaultMs = toMs(message.deadline?.default);
  const { idempotency } = message;
  if (access === undefined || defaultMs === undefined) return undefined;
  if (idempotency === Idempotency.IDEMPOTENCY_UNSPECIFIED || idempotency === Idempotency.UNRECOGNIZED) return undefined;
  const deadlineMaxMs = toMs(message.deadline?.max) ?? Infinity;
  return { access, deadlineDefaultMs: defaultMs, deadlineMaxMs, idempotency, ...readOptional(message) };
}

/** What a contract may leave unsaid. */
function readOptional({ cache, limits, audit }: MethodPolicy): Pick<Policy, 'cache' | 'limits' | 'audit'> {
  return {
    ...(cache && { cache: readCache(cache) }),
    ...(limits && { limits: readLimits(limits) }),
    ...(audit && { audit: readAudit(audit) }),
  };
}

function readAccess({ access }: MethodPolicy): Access | undefined {
  if (access === undefined) return undefined;
  if (access.$case !== 'permission') return { kind: access.$case };
  const { name, resource, collection } = access.value;
  return { kind: 'permission', name, resource, collection };
}

/** A word that a later release has added counts as the safe one. */
function readCache({ freshness, maxAge, scope }: CachePolicyMessage): CachePolicy {
  const maxAgeMs = toMs(maxAge);
  return {
    consistency: WEAKER.get(freshness) ?? 'linearizable',
    http:
      maxAgeMs === undefined
        ? undefined
        : { maxAgeMs, scope: scope === CacheScope.CACHE_SCOPE_PUBLIC ? 'public' : 'private' },
  };
}

function readLimits(limits: LimitPolicyMessage): CallLimits {
  const cap = (value: number) => (value > 0 ? value : Infinity);
  return {
    requestBytesMax: cap(limits.requestBytesMax),
    responseBytesMax: cap(limits.responseBytesMax),
    requestMessagesMax: cap(limits.requestMessagesMax),
    responseMessagesMax: cap(limits.responseMessagesMax),
  };
}

/** A word that a later release has added counts as one that keeps no more than is known to be meant. */
function readAudit({ detail, fields }: AuditPolicyMessage): Audit {
  switch (detail) {
    case AuditDetail.AUDIT_DETAIL_NONE:
      return { kind: 'none' };
    case AuditDetail.AUDIT_DETAIL_FIELDS:
      return { kind: 'fields', paths: fields };
    case AuditDetail.AUDIT_DETAIL_REQUEST:
      return { kind: 'request' };
    default:
      return { kind: 'call' };
  }
}

const WEAKER: ReadonlyMap<Freshness, Consistency> = new Map([
  [Freshness.FRESHNESS_AT_LEAST, 'at-least'],
  [Freshness.FRESHNESS_ANY, 'any'],
]);

/** ts-proto keeps the length prefix of a length-delimited unknown field. */
function withoutLengthPrefix(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (((bytes[start] ?? 0) & 0x80) !== 0) start += 1;
  return bytes.subarray(start + 1);
}

function toMs(duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  return Number(duration.seconds) * MS_PER_SECOND + duration.nanos / NANOS_PER_MS;
}
