import type { Model } from './linearizability.js';

/** A call on one document whose content is a text that no other call writes; '' stands for no document. */
export type DocumentInput =
  | { readonly kind: 'get' }
  | { readonly kind: 'create'; readonly text: string }
  /** With the etag of the document as it was with a certain text, or with none. */
  | { readonly kind: 'update'; readonly text: string; readonly etagOf?: string | undefined }
  | { readonly kind: 'delete'; readonly etagOf?: string | undefined };

/** What was read, or how a change went. */
export type DocumentOutput =
  { readonly kind: 'read'; readonly text: string } | { readonly kind: 'done' | 'exists' | 'missing' | 'changed since' };

/** What one document does, refusals included: each tells something of the state that it met. */
export const DOCUMENT: Model<string, DocumentInput, DocumentOutput> = {
  initial: '',
  step: (state, input, output) => {
    if (input.kind === 'get') {
      return output === undefined || (output.kind === 'read' && output.text === state) ? state : undefined;
    }
    const refusal = refusalOf(state, input);
    if (output !== undefined && output.kind !== (refusal ?? 'done')) return undefined;
    if (refusal !== undefined) return state;
    return input.kind === 'delete' ? '' : input.text;
  },
};

function refusalOf(state: string, input: Exclude<DocumentInput, { kind: 'get' }>): DocumentOutput['kind'] | undefined {
  if (input.kind === 'create') return state === '' ? undefined : 'exists';
  if (state === '') return 'missing';
  return input.etagOf === undefined || input.etagOf === state ? undefined : 'changed since';
}
