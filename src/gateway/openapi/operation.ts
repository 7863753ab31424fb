import type { DescField, DescMessage, JsonObject } from '@bufbuild/protobuf';
import { findField } from '../message/field-kinds.js';
import { resumeField } from '../message/resume.js';
import type { Binding } from '../routes/binding.js';
import { commentOf } from './comments.js';
import { errorResponses, oauthErrorResponses } from './error-responses.js';
import type { MessageSchemas, SchemaUse } from './message-schemas.js';
import { queryParameters } from './query-parameters.js';

const SUMMARY_CHARS_MAX = 120;
const HTTP_BODY = 'google.api.HttpBody';

export interface OperationContext {
  readonly schemas: MessageSchemas;
  /** The responses that operations refer to, by name. */
  readonly responses: Record<string, JsonObject>;
  readonly operationId: string;
  /** The parameters of the path. */
  readonly inPath: readonly JsonObject[];
}

/** Describes one binding of a method as an operation of OpenAPI. */
export function describeOperation(context: OperationContext, binding: Binding): JsonObject {
  const { method, template } = binding;
  const { descriptor, policy } = method;
  const comment = commentOf(descriptor);
  const body = requestBody(context, binding);
  const hasIfMatch = binding.httpMethod !== 'GET' && takesVersion(binding);
  const failures = binding.profile === 'oauth2' ? oauthErrorResponses : errorResponses;
  return {
    operationId: context.operationId,
    tags: [descriptor.parent.typeName],
    summary: summaryOf(comment) || descriptor.name,
    ...(comment === '' ? {} : { description: comment }),
    ...(descriptor.deprecated ? { deprecated: true } : {}),
    security: securityOf(policy.access),
    parameters: [
      ...context.inPath,
      ...queryParameters(context.schemas, binding),
      ...commonParameters(binding, { hasIfMatch }),
    ],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      ...answers(context, binding),
      ...failures({ access: policy.access.kind, hasBody: body !== undefined, hasIfMatch, comment }, context.responses),
    },
    'x-keelson-method': method.path,
    'x-keelson-template': template.text,
  };
}

/** Gives the first sentence of a comment, if it is short. */
function summaryOf(comment: string): string {
  const text = comment.replaceAll('\n', ' ');
  const first = /^(.*?)[.:;](?: |$)/.exec(text)?.[1] ?? text;
  return first.length <= SUMMARY_CHARS_MAX ? first : '';
}

function securityOf(access: Binding['method']['policy']['access']): JsonObject[] {
  if (access.kind === 'public') return [];
  return [{ token: access.kind === 'permission' ? [access.name] : [] }];
}

function requestBody({ schemas }: OperationContext, binding: Binding): JsonObject | undefined {
  const { body, variables, httpMethod, method, profile } = binding;
  if (body.kind === 'none') return undefined;
  const use: SchemaUse = httpMethod === 'PATCH' ? 'patch' : 'request';
  if (body.kind === 'field' && isHttpBody(body.field)) {
    return { required: true, content: { '*/*': { schema: {} } } };
  }
  if (body.kind === 'field') {
    const { description, ...schema } = schemas.field(body.field, use);
    const isObject = schema['$ref'] !== undefined;
    return {
      ...(description === undefined ? {} : { description }),
      required: schemas.isRequired(body.field),
      content: jsonContent(isObject ? { ...schema, unevaluatedProperties: false } : schema, httpMethod),
    };
  }
  const { input } = method.descriptor;
  if (input.typeName === HTTP_BODY) return { required: true, content: { '*/*': { schema: {} } } };
  const inPath = new Set(variables.filter(({ fields }) => fields.length === 1).map(({ fields }) => fields[0]));
  const fields = input.fields.filter((field) => !inPath.has(field));
  const schema = inPath.size === 0 ? schemas.message(input, use) : schemas.object(input, fields, use);
  const isRequired = use === 'request' && fields.some((field) => schemas.isRequired(field));
  const isKnown = schema['$ref'] !== undefined || schema['properties'] !== undefined;
  // Parameters that are unknown are passed over there.
  if (profile === 'oauth2') return { required: true, content: { 'application/x-www-form-urlencoded': { schema } } };
  return {
    required: isRequired,
    content: jsonContent(isKnown ? { ...schema, unevaluatedProperties: false } : schema, httpMethod),
  };
}

function jsonContent(schema: JsonObject, httpMethod: string): JsonObject {
  const types = httpMethod === 'PATCH' ? ['application/json', 'application/merge-patch+json'] : ['application/json'];
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function isHttpBody({ message }: DescField): boolean {
  return message?.typeName === HTTP_BODY;
}

/** The parameters that are not of the contract's fields: those of the system, and headers. */
function commonParameters(
  { httpMethod, method, profile }: Binding,
  { hasIfMatch }: { hasIfMatch: boolean },
): JsonObject[] {
  const { methodKind, input, output } = method.descriptor;
  const isStream = methodKind !== 'unary';
  const names = [
    // OAuth 2.0 says all about its answers.
    ...(profile === 'oauth2' ? [] : ['alt', 'fields', 'prettyPrint']),
    'timeout',
    ...(httpMethod === 'GET' && !isStream && hasEtag(output) ? ['ifNoneMatch'] : []),
    ...(hasIfMatch ? ['ifMatch'] : []),
    ...(isStream && resumeField(input) !== undefined ? ['lastEventId'] : []),
  ];
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

/** Tells whether `If-Match` has a place in the request. */
function takesVersion({ body, method }: Binding): boolean {
  const inBody = body.kind === 'field' ? body.field.message : undefined;
  return (inBody !== undefined && hasEtag(inBody)) || hasEtag(method.descriptor.input);
}

function hasEtag(message: DescMessage): boolean {
  return findField(message, 'etag')?.fieldKind === 'scalar';
}

function answers({ schemas }: OperationContext, binding: Binding): JsonObject {
  const { httpMethod, method, responseField } = binding;
  const { output, methodKind } = method.descriptor;
  const isBytes = responseField === undefined ? output.typeName === HTTP_BODY : isHttpBody(responseField);
  const schema =
    responseField === undefined ? schemas.message(output, 'answer') : schemas.field(responseField, 'answer');
  const isVersioned = methodKind === 'unary' && hasEtag(output);
  const headers = {
    'X-Request-Id': { $ref: '#/components/headers/requestId' },
    ...(isVersioned ? { ETag: { $ref: '#/components/headers/etag' } } : {}),
  };
  const description = isBytes ? 'The file, in its own type' : 'The call has succeeded';
  const content = isBytes ? { '*/*': { schema: {} } } : jsonAnswer(schema, methodKind);
  return {
    '200': { description, headers, content },
    ...(isVersioned && httpMethod === 'GET' ? { '304': { description: 'The client has this version already' } } : {}),
  };
}

function jsonAnswer(schema: JsonObject, methodKind: Binding['method']['descriptor']['methodKind']): JsonObject {
  if (methodKind === 'unary' || methodKind === 'client_streaming') return { 'application/json': { schema } };
  const item = { anyOf: [schema, { $ref: '#/components/schemas/Error' }] };
  return {
    'application/json': {
      schema: { type: 'array', items: item, description: 'All messages. A failure on the way is the last item.' },
    },
    'application/x-ndjson': {
      schema: { ...item, description: 'One message a line. A failure on the way is the last line.' },
    },
    'text/event-stream': {
      schema: {
        type: 'string',
        description:
          'Events without a type, with one message each as JSON, then `event: end`, or `event: error` after a failure.',
      },
    },
  };
}
