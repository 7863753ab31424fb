const PAGE_SIZE_DEFAULT = 50;
const PAGE_SIZE_MAX = 1000;

/** The number of resources on a page of a list. */
export function pageSizeOf({ pageSize }: { readonly pageSize: number }): number {
  return Math.min(pageSize || PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX);
}
