/** What a resource can refuse. */
export type ResourceFailure = 'not-found' | 'exists' | 'etag-mismatch';

/** A resource is not as the caller takes it to be. Nothing was changed. */
export class ResourceError extends Error {
  override readonly name = 'ResourceError';
  readonly failure: ResourceFailure;
  /** The type of the resource, as its contract names it: `keelson.dev/Document`. */
  readonly resourceType: string;
  readonly resourceName: string;

  constructor(failure: ResourceFailure, resource: { type: string; name: string }, message: string) {
    super(message);
    this.failure = failure;
    this.resourceType = resource.type;
    this.resourceName = resource.name;
  }
}
