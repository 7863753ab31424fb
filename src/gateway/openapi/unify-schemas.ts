import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { SCHEMA_REF } from './message-schemas.js';

const USES = ['', '-request', '-patch'];

/**
 * Gives a document in which a message has one schema for all uses that do not differ, however deep: readers and generated
 * clients would take two for two types. The first use that is there lends its name.
 */
export function unifySchemas(document: JsonObject, schemas: Readonly<Record<string, JsonObject>>): JsonObject {
  const aliases = findAliases(schemas);
  const kept = Object.entries(schemas).filter(([name]) => aliases.get(name) === name);
  const finalNames = new Map<string, string>();
  for (const [name] of kept) {
    const base = baseOf(name);
    const isFirst = variantsOf(base, schemas)[0] === name;
    finalNames.set(name, isFirst ? base : name);
  }
  const rename = (name: string) => finalNames.get(aliases.get(name) ?? name) ?? name;
  const all = kept.map(([name, schema]): [string, JsonValue] => [rename(name), withNames(schema, rename)]);
  all.sort(([one], [other]) => (one < other ? -1 : 1));
  const whole = withNames(document, rename) as JsonObject;
  const { schemas: fixed, ...components } = whole['components'] as JsonObject;
  return { ...whole, components: { ...components, schemas: { ...(fixed as JsonObject), ...Object.fromEntries(all) } } };
}

/** Takes all uses of a message for one until they are seen to differ: messages that hold each other settle so. */
function findAliases(schemas: Readonly<Record<string, JsonObject>>): Map<string, string> {
  const aliases = new Map<string, string>();
  for (const name of Object.keys(schemas)) aliases.set(name, variantsOf(baseOf(name), schemas)[0] ?? name);
  for (let isSettled = false; !isSettled;) {
    isSettled = true;
    const text = (name: string) => JSON.stringify(withNames(schemas[name] ?? {}, (ref) => aliases.get(ref) ?? ref));
    for (const [name, alias] of aliases) {
      if (name === alias || text(name) === text(alias)) continue;
      const variants = variantsOf(baseOf(name), schemas);
      aliases.set(name, variants[variants.indexOf(alias) + 1] ?? name);
      isSettled = false;
    }
  }
  return aliases;
}

function variantsOf(base: string, schemas: Readonly<Record<string, JsonObject>>): string[] {
  return USES.map((use) => `${base}${use}`).filter((name) => schemas[name] !== undefined);
}

function baseOf(name: string): string {
  return name.replace(/-(?:request|patch)$/, '');
}

function withNames(json: JsonValue, rename: (name: string) => string): JsonValue {
  if (Array.isArray(json)) return json.map((item) => withNames(item, rename));
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json).map(([key, value]): [string, JsonValue] => {
    const isRef = key === '$ref' && typeof value === 'string' && value.startsWith(SCHEMA_REF);
    return [key, isRef ? SCHEMA_REF + rename(value.slice(SCHEMA_REF.length)) : withNames(value, rename)];
  });
  return Object.fromEntries(entries);
}
