import fc from 'fast-check';

/** JSON, as a document of OpenAPI holds it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonRecord = Record<string, Json>;

const DEPTH_MAX = 3;
const LENGTH_MAX = 20;
const PRINTED_YEARS = {
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
};

/** Makes random values of a schema of an OpenAPI document, from what the document says and nothing else. */
export function arbitraryOf(document: JsonRecord, schema: JsonRecord, depth = 0): fc.Arbitrary<Json> {
  const { $ref, ...own } = schema;
  if (typeof $ref === 'string') return arbitraryOf(document, { ...lookUp(document, $ref), ...own }, depth);
  if ('const' in schema) return fc.constant(schema['const'] as Json);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...allowed(schema['enum'], schema));
  const [type] = [schema['type']].flat();
  if (type === 'null') return fc.constant(null);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return integers(schema);
  if (type === 'number') return numbers(schema);
  if (type === 'string') return strings(schema) as fc.Arbitrary<Json>;
  if (type === 'array') return arrays(document, schema, depth);
  if (type === 'object') return objects(document, schema, depth);
  return anything();
}

/** Gives a text of the document, and an empty one where there is something else. */
export function textOf(json: Json | undefined): string {
  return typeof json === 'string' ? json : '';
}

/** Follows a reference inside the document. */
export function lookUp(document: JsonRecord, ref: string): JsonRecord {
  const found = ref
    .slice(2)
    .split('/')
    .reduce<Json | undefined>((json, key) => record(json)[key], document);
  return record(found);
}

export function record(json: Json | undefined): JsonRecord {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error(`No object: ${JSON.stringify(json)}`);
  return json;
}

function allowed(values: readonly Json[], { not }: JsonRecord): Json[] {
  const banned = not === undefined ? [] : [record(not)['enum'] ?? []].flat();
  return values.filter((value) => !banned.includes(value));
}

function anything(): fc.Arbitrary<Json> {
  return fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as Json);
}

function integers({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonRecord): fc.Arbitrary<number> {
  const min = Math.max(Number(minimum ?? -(2 ** 31)), Number(exclusiveMinimum ?? -Infinity) + 1);
  const max = Math.min(Number(maximum ?? 2 ** 31 - 1), Number(exclusiveMaximum ?? Infinity) - 1);
  return fc.maxSafeInteger().map((value) => min + (Math.abs(value) % (max - min + 1)));
}

/** Minus zero is a number that JSON.stringify() writes as zero. */
function numbers({ format }: JsonRecord): fc.Arbitrary<Json> {
  const all = format === 'float' ? fc.float({ noNaN: false }) : fc.double({ noNaN: false });
  return all.map((value) => (Number.isFinite(value) ? value + 0 : String(value)));
}

function strings(schema: JsonRecord): fc.Arbitrary<string> {
  const { format, pattern, contentEncoding } = schema;
  const [minLength, maxLength] = [Number(schema['minLength'] ?? 0), Number(schema['maxLength'] ?? LENGTH_MAX)];
  if (contentEncoding === 'base64') return fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64'));
  const known = typeof format === 'string' ? FORMATS[format] : undefined;
  if (known !== undefined) return known(boundsOf(schema));
  const isFit = (text: string) => {
    const { length } = Array.from(text);
    return length >= minLength && length <= Number(schema['maxLength'] ?? Infinity);
  };
  if (typeof pattern === 'string') return fc.stringMatching(new RegExp(pattern, 'u')).filter(isFit);
  const any = fc.string({ unit: 'binary', minLength, maxLength: Math.max(minLength, Math.min(maxLength, LENGTH_MAX)) });
  const odd = ODD_TEXTS.filter(isFit);
  return odd.length === 0 ? any : fc.oneof(any, fc.constantFrom(...odd));
}

/** Texts that a URL or a piece of JSON is easily wrong about. */
const ODD_TEXTS = ['/', '%', '%2F', '%2523', ':', '+', '#?;', 'a b&c=d', '"\\', '日本', '..'];

interface Bounds {
  readonly min: bigint;
  readonly max: bigint;
}

/** The whole numbers that `x-range` lets through. */
function boundsOf(schema: JsonRecord): Bounds {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = record(schema['x-range'] ?? {});
  const at = (bound: Json | undefined, step: bigint) =>
    bound === undefined ? [] : [BigInt(typeof bound === 'string' ? bound : JSON.stringify(bound)) + step];
  const low = [...at(minimum, 0n), ...at(exclusiveMinimum, 1n)][0] ?? -(2n ** 63n);
  const high = [...at(maximum, 0n), ...at(exclusiveMaximum, -1n)][0] ?? 2n ** 64n - 1n;
  return { min: low, max: high };
}

function within({ min, max }: Bounds, low: bigint, high: bigint): fc.Arbitrary<bigint> {
  return fc.bigInt({ min: min > low ? min : low, max: max < high ? max : high });
}

const FORMATS: Readonly<Record<string, (bounds: Bounds) => fc.Arbitrary<string>>> = {
  uuid: () => fc.uuid(),
  int64: (bounds) => within(bounds, -(2n ** 63n), 2n ** 63n - 1n).map(String),
  uint64: (bounds) => within(bounds, 0n, 2n ** 64n - 1n).map(String),
  int32: () => fc.integer().map(String),
  uint32: () => fc.nat().map(String),
  'date-time': () => fc.date(PRINTED_YEARS).map((date) => date.toISOString()),
  'google-duration': ({ min, max }) =>
    // A part of a second would leave the bounds at their ends.
    fc
      .tuple(within({ min, max: max - 1n }, -(2n ** 31n), 2n ** 31n), fc.nat(999))
      .map(([seconds, ms]) => `${seconds}.${pad(ms)}s`),
  'google-fieldmask': () =>
    fc
      .array(fc.stringMatching(/^[a-z]{3,6}(?:[A-Z][a-z]{2,4})?$/), { minLength: 1, maxLength: 3 })
      .map((names) => [names.join('.'), ...names].join(',')),
};

function pad(ms: number): string {
  return String(ms).padStart(3, '0');
}

function arrays(document: JsonRecord, schema: JsonRecord, depth: number): fc.Arbitrary<Json> {
  const items = arbitraryOf(document, record(schema['items'] ?? {}), depth + 1);
  const minLength = Number(schema['minItems'] ?? 0);
  const maxLength = depth >= DEPTH_MAX ? minLength : Math.min(Number(schema['maxItems'] ?? 3), 3);
  const options = { minLength, maxLength: Math.max(minLength, maxLength) };
  return schema['uniqueItems'] === true ? fc.uniqueArray(items, options) : fc.array(items, options);
}

function objects(document: JsonRecord, schema: JsonRecord, depth: number): fc.Arbitrary<Json> {
  const properties = record(schema['properties'] ?? {});
  const { examples } = schema;
  if (properties['@type'] !== undefined && Array.isArray(examples)) return fc.constantFrom(...examples);
  if (schema['properties'] === undefined) return dictionaries(document, schema, depth);
  const required = (schema['required'] ?? []) as string[];
  const oneofs = ((schema['allOf'] ?? []) as JsonRecord[]).map((rule) => rule['anyOf'] as { required: string[] }[]);
  const wanted = oneofs.map((choices) => choices[0]?.required[0] ?? '');
  const needed = new Set([...required, ...wanted]);
  const names = Object.keys(properties).filter((name) => depth < DEPTH_MAX || needed.has(name));
  const model = Object.fromEntries(
    names.map((name) => [name, arbitraryOf(document, record(properties[name]), depth + 1)]),
  );
  const made = fc.record<JsonRecord>(model, { requiredKeys: required });
  const filled = wanted.reduce<fc.Arbitrary<JsonRecord>>(
    (base, name, index) =>
      fc.tuple(base, model[name] ?? anything()).map(([values, value]) => {
        const isThere = oneofs[index]?.some((choice) => choice.required.every((key) => key in values)) === true;
        return isThere ? values : { ...values, [name]: value };
      }),
    made as fc.Arbitrary<JsonRecord>,
  );
  return filled.map((values) => withoutRivals(schema, values));
}

/** Keeps the first of what may not stand together. */
function withoutRivals(schema: JsonRecord, values: JsonRecord): JsonRecord {
  const kept = { ...values };
  for (const [name, rule] of Object.entries(record(schema['dependentSchemas'] ?? {}))) {
    if (!(name in kept)) continue;
    for (const [rival, is] of Object.entries(record(record(rule)['properties']))) if (is === false) delete kept[rival];
  }
  return kept;
}

function dictionaries(document: JsonRecord, schema: JsonRecord, depth: number): fc.Arbitrary<Json> {
  if (schema['maxProperties'] === 0) return fc.constant({});
  const { additionalProperties, propertyNames } = schema;
  const values =
    typeof additionalProperties === 'object'
      ? arbitraryOf(document, record(additionalProperties), depth + 1)
      : anything();
  const keys = arbitraryOf(document, { type: 'string', ...record(propertyNames ?? {}) }, depth) as fc.Arbitrary<string>;
  const maxKeys = depth >= DEPTH_MAX ? 0 : Math.min(Number(schema['maxProperties'] ?? 3), 3);
  return fc.dictionary(keys, values, { minKeys: Number(schema['minProperties'] ?? 0), maxKeys }) as fc.Arbitrary<Json>;
}
