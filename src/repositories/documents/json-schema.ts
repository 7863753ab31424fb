import { Ajv2020, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { RE2JS } from 're2js';
import type { JsonObject, JsonValue } from '../../store/json-value.js';
import { isList, isObject } from '../../store/query/field-value.js';
import { ContentError, type ContentViolation } from './errors.js';

const KIB = 1024;

/** The size of a schema as JSON. */
export const SCHEMA_BYTES_MAX = 64 * KIB;

/** Subschemas, where each `$ref` counts for all that it leads to. What a check costs grows with it. */
export const SCHEMA_NODES_MAX = 2_000;

/** Elements of a list that is checked for doubles: each is compared with each. */
export const UNIQUE_ITEMS_MAX = 1_000;

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Says what is wrong with the content of a document, nothing if it meets the schema. */
export type ContentCheck = (fields: JsonObject) => readonly ContentViolation[];

/** Makes a JSON Schema a check. Throws ContentError, whose violations lead below `schema`. */
export function compileJsonSchema(schema: JsonObject): ContentCheck {
  assertSize(schema);
  assertCost(schema);
  const validate = compile(schema);
  return (fields) => (validate(fields) ? [] : (validate.errors ?? []).map(toViolation));
}

function compile(schema: JsonObject): ValidateFunction {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    validateFormats: false,
    // `toString` is no key of an object that does not have it.
    ownProperties: true,
    // A content of a mebibyte may break a rule a million times.
    allErrors: false,
    logger: false,
    code: { regExp: Object.assign(createPattern, { code: 'createPattern' }) },
  });
  try {
    // Ajv takes free JSON, and so it is checked against the meta-schema first.
    return ajv.compile(schema as AnySchemaObject);
  } catch (err) {
    throw refusal(err instanceof Error ? err.message : String(err));
  }
}

// RE2 takes a time that grows with the text, whatever the expression.
function createPattern(pattern: string): { test(text: string): boolean; toString(): string } {
  const compiled = RE2JS.compile(pattern);
  // Ajv keeps expressions by their texts.
  return { test: (text) => compiled.matcher(text).find(), toString: () => `/${pattern}/` };
}

function toViolation({ instancePath, message = 'does not meet the schema', params, keyword }: ErrorObject) {
  const keys = instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const named: unknown = keyword === 'additionalProperties' ? params['additionalProperty'] : undefined;
  const which = typeof named === 'string' ? ` ("${named}")` : '';
  return { path: ['fields', ...keys.map(writeKey)].join('.'), problem: `${message}${which}` };
}

function writeKey(key: string): string {
  return /^[A-Za-z0-9_]+$/.test(key) ? key : `\`${key.replaceAll('`', '``')}\``;
}

function assertSize(schema: JsonObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > SCHEMA_BYTES_MAX) throw refusal(`has ${bytes} bytes as JSON, the limit is ${SCHEMA_BYTES_MAX}`);
  const dialect = schema['$schema'];
  if (dialect !== undefined && dialect !== DIALECT) throw refusal(`must be of ${DIALECT}`);
}

/** Counts all subschemas with what their references lead to, so that a chain of them cannot double the work each time. */
function assertCost(root: JsonObject): void {
  let count = 0;
  const visitAll = (nodes: readonly JsonValue[], entered: readonly string[]) => {
    for (const node of nodes) visit(node, entered);
  };
  const visit = (node: JsonValue, entered: readonly string[]): void => {
    if (typeof node !== 'object' || node === null) return;
    count += 1;
    if (count > SCHEMA_NODES_MAX) throw refusal(`has more than ${SCHEMA_NODES_MAX} subschemas, with its references`);
    if (isList(node)) return visitAll(node, entered);
    if (!isObject(node)) return;
    assertKeywords(node);
    for (const [keyword, value] of Object.entries(node)) {
      if (DATA.has(keyword)) continue;
      if (MAPS.has(keyword) && isObject(value)) visitAll(Object.values(value), entered);
      else visit(value, entered);
    }
    const target = node['$ref'];
    if (typeof target !== 'string') return;
    if (entered.includes(target)) throw refusal(`refers to itself by "${target}"`);
    visit(resolvePointer(root, target), [...entered, target]);
  };
  visit(root, []);
}

// What these hold is data and no schema, or is counted where it is referred to.
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples', '$defs', 'definitions']);

// The keys of these are names, and not keywords.
const MAPS: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas', 'dependentRequired']);

function assertKeywords(schema: JsonObject): void {
  for (const keyword of ['$dynamicRef', '$dynamicAnchor', '$recursiveRef', '$anchor', '$id']) {
    if (typeof schema[keyword] === 'string') throw refusal(`uses "${keyword}", which is not taken: use $ref`);
  }
  const { uniqueItems, maxItems } = schema;
  if (uniqueItems === true && !(typeof maxItems === 'number' && maxItems <= UNIQUE_ITEMS_MAX))
    throw refusal(`has uniqueItems without a maxItems of at most ${UNIQUE_ITEMS_MAX}`);
}

function resolvePointer(root: JsonObject, reference: string): JsonValue {
  if (!reference.startsWith('#')) throw refusal(`refers to "${reference}": only places in the schema itself are taken`);
  let node: JsonValue | undefined = root;
  for (const part of decodeURIComponent(reference.slice(1)).split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    node = typeof node === 'object' && node !== null ? (Reflect.get(node, key) as JsonValue | undefined) : undefined;
  }
  if (node === undefined) throw refusal(`refers to "${reference}", which is not there`);
  return node;
}

function refusal(problem: string): ContentError {
  return new ContentError([{ path: 'schema', problem }]);
}
