import type { DescField, FileRegistry } from '@bufbuild/protobuf';
import { readResource, readResourceReference } from './contract-options.js';

/** Says what the resource names in a field look like: `collections/{collection}`. Undefined for fields that hold none. */
export type DescribeName = (field: DescField) => string | undefined;

/** Reads the patterns of all resources once; whatever a field refers to is looked up in them. */
export function createNameDescriber(registry: FileRegistry): DescribeName {
  const patterns = new Map<string, readonly string[]>();
  for (const desc of registry) {
    if (desc.kind !== 'message') continue;
    const resource = readResource(registry, desc);
    if (resource?.type !== undefined) patterns.set(resource.type, resource.pattern ?? []);
  }
  return (field) => {
    const reference = readResourceReference(registry, field);
    if (reference?.type !== undefined) return join(patterns.get(reference.type) ?? []);
    return join((patterns.get(reference?.childType ?? '') ?? []).map(parentOf));
  };
}

/** `collections/{collection}/documents/{document}` is below `collections/{collection}`. */
function parentOf(pattern: string): string {
  return pattern.split('/').slice(0, -2).join('/');
}

function join(patterns: readonly string[]): string | undefined {
  const named = [...new Set(patterns)].filter((pattern) => pattern !== '' && pattern !== '*');
  return named.length === 0 ? undefined : named.join(' or ');
}
