import fc from 'fast-check';
import { request } from 'node:http';
import { arbitraryOf, lookUp, record, textOf, type Json, type JsonRecord } from './schema-arbitrary.js';

/** One operation of an OpenAPI document. */
export interface Operation {
  readonly httpMethod: string;
  readonly path: string;
  readonly json: JsonRecord;
}

/** What a client that has read the document sends, and means. */
export interface OperationRequest {
  readonly operation: Operation;
  /** By the name of the parameter, in their order. */
  readonly inPath: readonly (readonly [name: string, value: Json])[];
  readonly inQuery: readonly (readonly [name: string, value: Json])[];
  readonly body: Json | undefined;
}

/** Parameters that say how to answer, or under which condition, and so are no part of the message. */
const NOT_OF_MESSAGE = /^\$|^(?:If-|Last-Event-ID|X-)/;

/** Gives all operations, those of methods that OpenAPI 3.1 has no word for as well. */
export function operationsOf(document: JsonRecord): Operation[] {
  return Object.entries(record(document['paths'])).flatMap(([path, item]) => {
    const { 'x-additionalOperations': others, ...own } = record(item);
    return [...Object.entries(own), ...Object.entries(record(others ?? {}))].map(([httpMethod, json]) => ({
      httpMethod: httpMethod.toUpperCase(),
      path,
      json: record(json),
    }));
  });
}

/** Makes random requests of an operation, from the document alone. */
export function requestsOf(document: JsonRecord, operation: Operation): fc.Arbitrary<OperationRequest> {
  const parameters = ((operation.json['parameters'] ?? []) as JsonRecord[])
    .map((parameter) => (typeof parameter['$ref'] === 'string' ? lookUp(document, parameter['$ref']) : parameter))
    .filter(({ name }) => !NOT_OF_MESSAGE.test(textOf(name)));
  const inPath = parameters.filter((parameter) => parameter['in'] === 'path');
  const inQuery = parameters.filter((parameter) => parameter['in'] === 'query');
  const one = (parameter: JsonRecord): fc.Arbitrary<readonly [string, Json]> =>
    arbitraryOf(document, record(parameter['schema'])).map((value) => [textOf(parameter['name']), value] as const);
  const maybe = (parameter: JsonRecord) =>
    // What a PATCH without a mask means is no matter of its message.
    parameter['required'] === true || parameter['name'] === 'updateMask' ? one(parameter) : fc.option(one(parameter));
  return fc.record({
    operation: fc.constant(operation),
    inPath: fc.tuple(...inPath.map(one)),
    inQuery: fc.tuple(...inQuery.map(maybe)).map((given) =>
      withoutRivals(
        inQuery,
        given.filter((pair) => pair !== null),
      ),
    ),
    body: bodies(document, operation),
  });
}

function bodies(document: JsonRecord, { json }: Operation): fc.Arbitrary<Json | undefined> {
  if (json['requestBody'] === undefined) return fc.constant(undefined);
  const { content, required } = record(json['requestBody']);
  const schema = record(record(record(content)[bodyTypeOf({ json })])['schema']);
  const values = arbitraryOf(document, schema);
  return required === true ? values : fc.option(values, { nil: undefined });
}

const FORM = 'application/x-www-form-urlencoded';

/** JSON, but for operations that take nothing but forms. */
function bodyTypeOf({ json }: Pick<Operation, 'json'>): string {
  const { content } = record(json['requestBody'] ?? {});
  return content !== undefined && FORM in record(content) ? FORM : 'application/json';
}

function writeBody(type: string, body: Json): string {
  if (type !== FORM) return JSON.stringify(body);
  return Object.entries(record(body))
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
}

/** Keeps of the parameters of a oneof those that belong to the first choice. */
function withoutRivals(
  parameters: readonly JsonRecord[],
  given: readonly (readonly [string, Json])[],
): (readonly [string, Json])[] {
  const chosen = new Map<string, Json>();
  return given.filter(([name, value]) => {
    // Nothing is sent for a list or a map without anything in it.
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return false;
    const choices = Object.entries(record(parameters.find((one) => one['name'] === name)?.['x-oneof'] ?? {}));
    const fits = choices.every(([oneof, field]) => (chosen.get(oneof) ?? field) === field);
    if (fits) for (const [oneof, field] of choices) chosen.set(oneof, field);
    return fits;
  });
}

/** The URL of a request: path and query, encoded as RFC 3986 and the document's styles say. */
export function urlOf({ operation, inPath, inQuery }: OperationRequest): string {
  const values = new Map(inPath);
  const path = operation.path.replace(/\{([^}]*)\}/g, (_all, name: string) => encode(values.get(name) ?? ''));
  const pairs = inQuery.flatMap(([name, value]) => pairsOf(name, value));
  return `${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}

function pairsOf(name: string, value: Json): string[] {
  if (Array.isArray(value)) return value.map((item) => `${encode(name)}=${encode(item)}`);
  if (typeof value !== 'object' || value === null) return [`${encode(name)}=${encode(value)}`];
  return Object.entries(value).map(([key, item]) => `${encode(`${name}[${key}]`)}=${encode(item)}`);
}

function encode(value: Json): string {
  return encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Sends a request as it is: fetch() would take segments such as ".." out of the path. */
export async function send(port: number, sent: OperationRequest): Promise<{ status: number; text: string }> {
  const type = bodyTypeOf(sent.operation);
  const body = sent.body === undefined ? undefined : writeBody(type, sent.body);
  const headers = { authorization: 'Bearer t', ...(body === undefined ? {} : { 'content-type': type }) };
  return new Promise((resolve, reject) => {
    const { httpMethod: method } = sent.operation;
    const outgoing = request({ host: '127.0.0.1', port, method, path: urlOf(sent), headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
      response.once('error', reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** The rule of the contract that an operation describes. */
export interface Rule {
  readonly template: string;
  readonly body: string;
}

/** Puts together what a request means, as JSON of the request message with the names of JSON. */
export function meaningOf({ operation, inPath, inQuery, body }: OperationRequest, rule: Rule): JsonRecord {
  const json: JsonRecord = {};
  if (rule.body === '*') Object.assign(json, structuredClone(body ?? {}));
  else if (rule.body !== '' && body !== undefined) json[camelCase(rule.body)] = structuredClone(body);
  for (const [name, value] of inQuery) put(json, name.split('.'), value);
  const values = new Map(inPath);
  const order = [...operation.path.matchAll(/\{([^}]*)\}/g)].map(([, name]) => values.get(name ?? '') ?? '');
  for (const [variable] of rule.template.matchAll(/\{[^}]*\}|\*\*?/g)) {
    if (!variable.startsWith('{')) {
      order.shift();
      continue;
    }
    const [fieldPath = '', pattern = '*'] = variable.slice(1, -1).split('=');
    const isWhole = pattern === '*';
    const value = isWhole
      ? (order.shift() ?? '')
      : pattern.replace(/\*\*?/g, () => textOf(order.shift()).replaceAll('/', '%2F'));
    put(json, fieldPath.split('.').map(camelCase), value);
  }
  return json;
}

function put(json: JsonRecord, [name = '', ...rest]: readonly string[], value: Json): void {
  if (rest.length === 0) {
    json[name] = value;
    return;
  }
  json[name] ??= {};
  put(record(json[name]), rest, value);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}
