import { getExtension, hasExtension, toJson, type DescMethod, type FileRegistry } from '@bufbuild/protobuf';

/** One binding of a method to HTTP, as its contract states it. */
export interface HttpRule {
  /** In capitals; `*` for any. */
  readonly httpMethod: string;
  readonly path: string;
  /** `*`, the name of a request field, or empty for no body. */
  readonly body: string;
  /** The name of a response field, or empty for the whole response. */
  readonly responseBody: string;
}

/** Rules that cannot be read; the message is a sentence without a subject: "states no path". */
export class HttpRuleError extends Error {
  override readonly name = 'HttpRuleError';
}

const EXTENSION = 'google.api.http';
const STANDARD_METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;

/**
 * Reads the google.api.http option of a method, additional bindings after the first. Gives none where the contract
 * has no rule: such a method does not exist for browsers. Throws an {@link HttpRuleError}.
 */
export function readHttpRules(registry: FileRegistry, method: DescMethod): HttpRule[] {
  const extension = registry.getExtension(EXTENSION);
  const options = method.proto.options;
  if (extension === undefined || options === undefined || !hasExtension(options, extension)) return [];
  if (extension.message === undefined) throw new HttpRuleError(`has an option ${EXTENSION} that is not a message`);
  // The registry knows the message only as a descriptor; its JSON is the typed view of it.
  const value = getExtension(options, extension);
  const rule = toJson(extension.message, value as never, { useProtoFieldName: true }) as RuleJson;
  const more = rule.additional_bindings ?? [];
  if (more.some((binding) => binding.additional_bindings !== undefined)) {
    throw new HttpRuleError('has additional bindings inside additional bindings, which may be one level deep only');
  }
  return [rule, ...more].map(readRule);
}

type RuleJson = { readonly [Name in (typeof STANDARD_METHODS)[number]]?: string } & {
  readonly custom?: { readonly kind?: string; readonly path?: string };
  readonly body?: string;
  readonly response_body?: string;
  readonly additional_bindings?: readonly RuleJson[];
};

function readRule(rule: RuleJson): HttpRule {
  const { body = '', response_body: responseBody = '' } = rule;
  if (rule.custom !== undefined) {
    const { kind = '', path = '' } = rule.custom;
    if (!/^(\*|[A-Za-z-]+)$/.test(kind)) throw new HttpRuleError(`states "${kind}" as a custom HTTP method`);
    return { httpMethod: kind.toUpperCase(), path, body, responseBody };
  }
  const name = STANDARD_METHODS.find((candidate) => rule[candidate] !== undefined);
  const path = name && rule[name];
  if (name === undefined || path === undefined) throw new HttpRuleError(`has an option ${EXTENSION} without a path`);
  return { httpMethod: name.toUpperCase(), path, body, responseBody };
}
