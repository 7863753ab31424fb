import type { DescField, DescMessage, Registry } from '@bufbuild/protobuf';
import { METHODS } from 'node:http';
import { readHttpProfile, type HttpProfile } from '../../rpc/contract-options.js';
import { ContractError, type Method, type MethodTable } from '../../rpc/method-table.js';
import { isLeafMessage } from '../message/field-kinds.js';
import { maskFields } from '../message/field-mask.js';
import { HttpRuleError, readHttpRules, type HttpRule } from './http-rule.js';
import { parseTemplate, TemplateError, type Template, type TemplateVariable } from './template.js';

/** Where the request body goes: nowhere, into all fields, or into one. */
export type BodyBinding =
  { readonly kind: 'none' } | { readonly kind: 'all' } | { readonly kind: 'field'; readonly field: DescField };

/** A path variable and the fields on the way to the one that it fills. */
export interface BoundVariable {
  readonly variable: TemplateVariable;
  readonly fields: readonly DescField[];
}

/** One binding of a method, checked against its messages. */
export interface Binding {
  readonly method: Method;
  readonly httpMethod: string;
  readonly template: Template;
  readonly variables: readonly BoundVariable[];
  readonly body: BodyBinding;
  /** The top-level mask fields of the request. */
  readonly masks: readonly DescField[];
  /** The response field that is the response body. Undefined when all of the response is. */
  readonly responseField: DescField | undefined;
  /** The standard that gives the method its form over HTTP, where there is one. */
  readonly profile: HttpProfile | undefined;
}

/** Reads the bindings of all methods. Throws a {@link ContractError} with one sentence per mistake. */
export function compileBindings({ methods, registry }: Pick<MethodTable, 'methods' | 'registry'>): Binding[] {
  const mistakes: string[] = [];
  const bindings: Binding[] = [];
  for (const method of methods.values()) {
    try {
      for (const rule of readHttpRules(registry, method.descriptor))
        bindings.push(compileBinding(registry, method, rule));
    } catch (err) {
      if (!(err instanceof HttpRuleError) && !(err instanceof TemplateError)) throw err;
      const { parent, name } = method.descriptor;
      mistakes.push(`Method ${parent.typeName}.${name} cannot be served over HTTP: ${err.message}`);
    }
  }
  if (mistakes.length > 0) throw new ContractError(mistakes.join('\n'));
  return bindings;
}

function compileBinding(registry: Registry, method: Method, rule: HttpRule): Binding {
  const { input, output } = method.descriptor;
  if (rule.httpMethod !== '*' && !METHODS.includes(rule.httpMethod)) {
    throw new HttpRuleError(`HTTP method "${rule.httpMethod}" is not one that Node.js can receive`);
  }
  const template = parseTemplate(rule.path);
  return {
    method,
    httpMethod: rule.httpMethod,
    template,
    variables: template.variables.map((variable) => ({ variable, fields: resolveVariable(input, variable) })),
    body: resolveBody(input, rule),
    masks: maskFields(input),
    responseField: rule.responseBody === '' ? undefined : topLevelField(output, rule.responseBody, 'response_body'),
    profile: readHttpProfile(registry, method.descriptor),
  };
}

function resolveVariable(input: DescMessage, { fieldPath }: TemplateVariable): DescField[] {
  const fields: DescField[] = [];
  let message: DescMessage | undefined = input;
  for (const name of fieldPath) {
    const field: DescField | undefined = message?.fields.find((candidate) => candidate.name === name);
    if (field === undefined || field.fieldKind === 'list' || field.fieldKind === 'map') {
      throw new HttpRuleError(`"${fieldPath.join('.')}" is not the path of a single field of ${input.typeName}`);
    }
    fields.push(field);
    message = field.message !== undefined && isLeafMessage(field.message) ? undefined : field.message;
  }
  if (message !== undefined) {
    throw new HttpRuleError(`"${fieldPath.join('.')}" is a message, which a part of a path cannot stand for`);
  }
  return fields;
}

function resolveBody(input: DescMessage, { body, httpMethod }: HttpRule): BodyBinding {
  if (body === '') return { kind: 'none' };
  if (httpMethod === 'GET' || httpMethod === 'HEAD') throw new HttpRuleError(`${httpMethod} cannot have a body`);
  if (body === '*') return { kind: 'all' };
  return { kind: 'field', field: topLevelField(input, body, 'body') };
}

function topLevelField(message: DescMessage, name: string, what: string): DescField {
  const field = message.fields.find((candidate) => candidate.name === name);
  if (field === undefined) throw new HttpRuleError(`its ${what} "${name}" is not a field of ${message.typeName}`);
  return field;
}
