import { LRUCache } from 'lru-cache';
import { compileJsonSchema, type ContentCheck } from './json-schema.js';
import type { CollectionSettings } from './settings.js';

// A compiled schema is some hundred kilobytes at most.
const CHECKS_MAX = 200;

const NO_CHECK: ContentCheck = () => [];

/** Keeps the compiled schema of a collection for as long as its settings are of the same revision. */
export function createSchemaChecks(): (collection: string, settings: CollectionSettings) => ContentCheck {
  const checks = new LRUCache<string, ContentCheck>({ max: CHECKS_MAX });
  return (collection, { revision, schema }) => {
    if (schema === undefined) return NO_CHECK;
    const key = `${collection}@${revision}`;
    const known = checks.get(key);
    if (known !== undefined) return known;
    const compiled = compileJsonSchema(schema);
    checks.set(key, compiled);
    return compiled;
  };
}
