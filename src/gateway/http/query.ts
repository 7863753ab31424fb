import type { FieldViolation } from '../../rpc/errors.js';
import { ofKey } from '../message/violation-path.js';
import { decodeAll } from '../routes/request-target.js';

/** A bound on what one request may ask to be looked up. */
export const QUERY_PARAMETERS_MAX = 1000;

/** One parameter of a query, decoded. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/** The parameters of a query in their order, and what is wrong with the others. */
export interface Query {
  readonly parameters: readonly QueryParameter[];
  readonly violations: readonly FieldViolation[];
}

/**
 * Takes a query apart as browsers put it together (application/x-www-form-urlencoded): `&` between parameters, `+` for a
 * space. A parameter without `=` has an empty value; `;` is a character like others.
 */
export function parseQuery(query: string): Query {
  const parameters: QueryParameter[] = [];
  const violations: FieldViolation[] = [];
  if (query === '') return { parameters, violations };
  const pairs = query.split('&').filter((pair) => pair !== '');
  if (pairs.length > QUERY_PARAMETERS_MAX) {
    return {
      parameters,
      violations: [{ field: '', description: `Query has more than ${QUERY_PARAMETERS_MAX} parameters` }],
    };
  }
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = decodeForm(equals === -1 ? pair : pair.slice(0, equals));
    const value = decodeForm(equals === -1 ? '' : pair.slice(equals + 1));
    if (name !== undefined && value !== undefined) parameters.push({ name, value });
    else
      violations.push({
        field: name === undefined ? '' : ofKey('', name),
        description: 'Query is not percent-encoded UTF-8',
      });
  }
  return { parameters, violations };
}

function decodeForm(text: string): string | undefined {
  return decodeAll(text.replaceAll('+', ' '));
}
