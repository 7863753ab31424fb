import { invalidRequest } from '../../rpc/errors.js';

/** Throws INVALID_REQUEST for a document of another collection: the permission was judged on this one. */
export function assertInCollection(
  name: string,
  { parent, field }: { readonly parent: string; readonly field: string },
): void {
  if (name.startsWith(`${parent}/documents/`)) return;
  throw invalidRequest([{ field, description: `must be a document of "${parent}", is "${name}"` }]);
}
