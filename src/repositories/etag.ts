/** Makes the etag of a resource from the revision that wrote it. Opaque to callers. */
export function etagOf(revision: number): string {
  return Buffer.from(revision.toString(36)).toString('base64url');
}
