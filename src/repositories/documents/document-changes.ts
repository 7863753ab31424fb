import type { JsonObject } from '../../store/json-value.js';
import type { StateDocument } from '../../store/state.js';
import { applyUpdateMask, checkUpdateMask } from '../update-mask.js';
import type { Schema } from '../filter/schema.js';
import { alreadyExists, assertEtag, notFound, type Kind } from '../refusals.js';
import { applyTransforms, type FieldTransform } from './transforms.js';

/** What must be true of a document just before it is changed. */
export type DocumentCondition =
  { readonly kind: 'any' | 'exists' | 'absent' } | { readonly kind: 'etag'; readonly etag: string };

/** A change of one document. */
export type DocumentChange =
  | {
      readonly kind: 'put';
      readonly name: string;
      readonly condition: DocumentCondition;
      /** `keep` leaves the content to the transforms; a list of paths (AIP-161) sets parts of it; else it is replaced. */
      readonly mask: readonly string[] | 'keep' | undefined;
      readonly fields: JsonObject;
      /** The fields as JSON.stringify writes them, where they were parsed from that and belong to the change. */
      readonly json?: string;
      readonly transforms: readonly FieldTransform[];
    }
  | { readonly kind: 'delete'; readonly name: string; readonly condition: DocumentCondition };

export interface ChangeSurroundings {
  readonly kind: Kind;
  readonly schema: Schema;
  readonly nowMs: number;
}

/**
 * Gives the content that a change leaves of a document, which may not be there; `undefined` if it is deleted. Throws
 * ResourceError, FieldMaskError and ContentError.
 */
export function changedContent(
  change: DocumentChange,
  existing: StateDocument | undefined,
  { kind, schema, nowMs }: ChangeSurroundings,
): JsonObject | undefined {
  assertCondition(change, existing, kind);
  if (change.kind === 'delete') return undefined;
  const before = { fields: existing?.value['fields'] ?? {} };
  const transformed = applyTransforms(written(change, before, schema), change.transforms, nowMs);
  return (transformed['fields'] ?? {}) as JsonObject;
}

function written({ mask, fields }: Extract<DocumentChange, { kind: 'put' }>, before: JsonObject, schema: Schema) {
  if (mask === 'keep') return before;
  const paths = checkUpdateMask(mask, schema);
  return paths === undefined ? { fields } : applyUpdateMask(before, { fields }, { paths, schema });
}

function assertCondition(
  { kind, name, condition }: DocumentChange,
  existing: StateDocument | undefined,
  of: Kind,
): void {
  const verb = kind === 'delete' ? 'delete' : 'update';
  switch (condition.kind) {
    case 'any':
      return;
    case 'absent':
      if (existing !== undefined) throw alreadyExists(of, name);
      return;
    case 'exists':
      if (existing === undefined) throw notFound(of, verb, name);
      return;
    case 'etag':
      if (existing === undefined) throw notFound(of, verb, name);
      assertEtag(of, verb, existing, condition.etag);
  }
}
