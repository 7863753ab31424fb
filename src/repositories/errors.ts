/** What a resource can refuse. */
export type ResourceFailure = 'not-found' | 'exists' | 'etag-mismatch';

/** A change would give another value to a field that its contract calls immutable. Nothing was changed. */
export class ImmutableFieldError extends Error {
  override readonly name = 'ImmutableFieldError';
  /** The path of the field in a request that holds the resource under its own name. */
  readonly path: string;

  constructor(singular: string, path: string) {
    super('cannot be changed: it is set once, when the resource is created');
    this.path = `${singular.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}.${path}`;
  }
}

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
