const PATTERN = /^[a-z][a-z0-9_-]{0,62}$/;

// Tables and collections of the engines and of the ledger itself.
const RESERVED_PREFIXES = ['keelson', 'sqlite', 'system'];

/**
 * Whether a collection may have this name. It is the name of the table or collection in the database as well, so it is
 * narrow: a lower-case letter, then up to 62 of `a-z`, `0-9`, `_` and `-`.
 */
export function isCollectionName(name: string): boolean {
  return PATTERN.test(name) && !RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix));
}
