import type { DescMessage, FileRegistry, JsonValue, Message } from '@bufbuild/protobuf';
import { toJson } from '@bufbuild/protobuf';
import type { Logger } from 'pino';
import { Idempotency } from '../../gen/keelson/options/v1/options.js';
import type { AuditSink } from './access.js';
import { resolveFields } from './field-path.js';
import type { Audit, Policy } from './policy.js';
import type { SensitiveFields } from './sensitive.js';

/** A request of which more would be kept is kept as this many characters of JSON say: not at all. */
const REQUEST_CHARS_MAX = 64 * 1024;

/** What the audit does with the calls of one method. */
export interface MethodAudit {
  /** True where the answer waits until the call is kept: it may have changed something. */
  readonly beforeAnswer: boolean;
  /** Gives what is kept of a request. Undefined where that is nothing. */
  readonly readRequest: ((message: Message) => JsonValue) | undefined;
}

export interface MethodAuditOptions {
  readonly registry: FileRegistry;
  readonly policy: Policy;
  readonly input: DescMessage;
  readonly sensitive: SensitiveFields | undefined;
}

/** Gives undefined for a method whose calls the audit does not keep. */
export function compileAudit({ registry, policy, input, sensitive }: MethodAuditOptions): MethodAudit | undefined {
  const beforeAnswer = policy.idempotency !== Idempotency.IDEMPOTENCY_NO_SIDE_EFFECTS;
  const audit: Audit = policy.audit ?? { kind: beforeAnswer ? 'call' : 'none' };
  const write = (message: Message) => sensitive?.redact(message) ?? toJson(input, message, { registry });
  switch (audit.kind) {
    case 'none':
      return undefined;
    case 'call':
      return { beforeAnswer, readRequest: undefined };
    case 'request':
      return { beforeAnswer, readRequest: (message) => withinLimit(write(message)) };
    case 'fields':
      return { beforeAnswer, readRequest: (message) => withinLimit(pick(input, write(message), audit.paths)) };
  }
}

/** Names the first path of an audit policy that leads to no field. */
export function findUnknownPath(input: DescMessage, { audit }: Policy): string | undefined {
  if (audit?.kind !== 'fields') return undefined;
  return audit.paths.find((path) => resolveFields(input, path.split('.')) === undefined);
}

/** Writes records to the log, as lines of their own. */
export function createLogAudit(log: Pick<Logger, 'info'>): AuditSink {
  return {
    async record(entry) {
      log.info({ audit: entry }, 'audit');
    },
  };
}

function withinLimit(json: JsonValue): JsonValue {
  const chars = JSON.stringify(json).length;
  return chars <= REQUEST_CHARS_MAX ? json : `[${chars} characters]`;
}

/** Gives the values of the fields that are set, under their paths. */
function pick(input: DescMessage, json: JsonValue, paths: readonly string[]): JsonValue {
  const picked: Record<string, JsonValue> = {};
  for (const path of paths) {
    const fields = resolveFields(input, path.split('.')) ?? [];
    let value: JsonValue | undefined = json;
    // What JSON writes as one text, such as a mask or the word for a hidden value, is the end of a path.
    for (const { jsonName } of fields) value = isObject(value) ? value[jsonName] : value;
    if (value !== undefined) picked[path] = value;
  }
  return picked;
}

function isObject(json: JsonValue | undefined): json is Record<string, JsonValue> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
