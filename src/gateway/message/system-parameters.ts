import type { DescMessage } from '@bufbuild/protobuf';
import type { FieldViolation } from '../../rpc/errors.js';
import type { QueryParameter } from '../http/query.js';
import { findField } from './field-kinds.js';

/** How the caller wants the answer to be written. */
export interface OutputOptions {
  readonly enumAsInteger: boolean;
  readonly isPretty: boolean;
  /** The parts of the answer that are wanted, as the caller wrote them. All, where it is undefined. */
  readonly fields?: string;
}

export const DEFAULT_OUTPUT: OutputOptions = { enumAsInteger: false, isPretty: false };

/** What the system parameters of a query say, and the parameters that are left for the request. */
export interface SystemParameters {
  readonly output: OutputOptions;
  readonly rest: readonly QueryParameter[];
  readonly violations: readonly FieldViolation[];
}

/**
 * Takes the system parameters out of a query (https://cloud.google.com/apis/docs/system-parameters): `$alt`, which is
 * `json` with or without `;enum-encoding=int`, `$fields`, and `$prettyPrint`. They count without the `$` too, unless the request
 * has a field of that name. Parameters for advertising and the like (`utm_*`, `fbclid`, `gclid`) are dropped.
 */
export function takeSystemParameters(input: DescMessage, parameters: readonly QueryParameter[]): SystemParameters {
  if (parameters.length === 0) return { output: DEFAULT_OUTPUT, rest: parameters, violations: [] };
  const rest: QueryParameter[] = [];
  const violations: FieldViolation[] = [];
  const seen = new Set<string>();
  let output = DEFAULT_OUTPUT;
  for (const parameter of parameters) {
    const name = systemName(input, parameter.name);
    if (name === undefined) {
      if (findField(input, parameter.name) !== undefined || !TRACKING.test(parameter.name)) rest.push(parameter);
      continue;
    }
    const change = seen.has(name) ? 'is given more than once' : readSystemParameter(name, parameter.value);
    seen.add(name);
    if (typeof change === 'string') violations.push({ field: parameter.name, description: change });
    else output = { ...output, ...change };
  }
  return { output, rest, violations };
}

const TRACKING = /^(?:utm_[a-z_]+|fbclid|gclid)$/;

/** Gives the name without its `$`. Undefined for a parameter that belongs to the request. */
function systemName(input: DescMessage, name: string): string | undefined {
  if (name.startsWith('$')) return name.slice(1);
  return NAMES.has(name) && findField(input, name) === undefined ? name : undefined;
}

const NAMES = new Set(['alt', 'fields', 'prettyPrint']);

/** Gives what a parameter changes, or what is wrong with it. */
function readSystemParameter(name: string, value: string): Partial<OutputOptions> | string {
  if (name === 'alt') {
    if (value === 'json') return { enumAsInteger: false };
    if (value === 'json;enum-encoding=int') return { enumAsInteger: true };
    return 'must be "json" or "json;enum-encoding=int"';
  }
  if (name === 'prettyPrint') {
    if (value === 'true' || value === '' || value === '1') return { isPretty: true };
    if (value === 'false' || value === '0') return { isPretty: false };
    return 'must be true or false';
  }
  if (name === 'fields') return value === '' ? 'must name a field' : { fields: value };
  return 'is not a system parameter that is known here';
}
