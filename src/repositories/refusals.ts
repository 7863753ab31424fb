import type { StateDocument } from '../store/state.js';
import type { ResourceDefinition } from './definition.js';
import { ResourceError, type ResourceFailure } from './errors.js';
import { etagOf } from './etag.js';

/** The kind of a resource, as messages name it. */
export type Kind = Pick<ResourceDefinition<never>, 'type' | 'singular'>;

export function notFound(kind: Kind, verb: string, name: string): ResourceError {
  return refuse(kind, { failure: 'not-found', verb, name }, 'it does not exist');
}

export function alreadyExists(kind: Kind, name: string): ResourceError {
  return refuse(kind, { failure: 'exists', verb: 'create', name }, 'it exists');
}

/** Throws unless the etag is the resource's, or empty, which is any. */
export function assertEtag(kind: Kind, verb: string, { id, revision }: StateDocument, etag: string): void {
  if (etag === '' || etag === etagOf(revision)) return;
  const problem = `its etag is "${etagOf(revision)}", expected "${etag}"`;
  throw refuse(kind, { failure: 'etag-mismatch', verb, name: id }, problem);
}

interface Refusal {
  readonly failure: ResourceFailure;
  readonly verb: string;
  readonly name: string;
}

function refuse({ type, singular }: Kind, { failure, verb, name }: Refusal, problem: string): ResourceError {
  return new ResourceError(failure, { type, name }, `Cannot ${verb} ${singular} "${name}": ${problem}`);
}
