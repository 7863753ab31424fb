/** The pattern that covers every permission. */
export const EVERY_PERMISSION = '*';

/**
 * Tells whether a pattern covers a permission, or everything that another pattern covers. A pattern is a permission,
 * `documents.documents.get`, or ends with `*` in place of all that may follow: `documents.documents.*`, `documents.*`, `*`.
 */
export function covers(pattern: string, permission: string): boolean {
  if (pattern === EVERY_PERMISSION) return true;
  if (!pattern.endsWith('*')) return pattern === permission;
  return permission.startsWith(pattern.slice(0, -1));
}

export function coversAny(patterns: Iterable<string>, permission: string): boolean {
  for (const pattern of patterns) {
    if (covers(pattern, permission)) return true;
  }
  return false;
}

/** Gives the first pattern that the others do not cover. */
export function findUncovered(wanted: Iterable<string>, held: readonly string[]): string | undefined {
  for (const pattern of wanted) {
    if (!coversAny(held, pattern)) return pattern;
  }
  return undefined;
}
