import type { Ledger } from '../../ledger/ledger.js';
import type { StateDocument } from '../../store/state.js';
import { createExpiry } from '../expiry.js';
import { transactFor, type ChangeOptions } from '../resource.js';
import type { DocumentChange } from './document-changes.js';
import { WriteRefusedError } from './errors.js';
import { planChanges, type DocumentKind, type PlanDeps } from './plan-changes.js';
import { createSchemaChecks } from './schema-checks.js';

export interface WriterOptions {
  readonly ledger: Ledger;
  readonly definition: DocumentKind;
  /** Milliseconds since 1970. Default the time of day. */
  readonly now?: (() => number) | undefined;
}

/** What a commit of documents left. */
export interface WrittenDocuments {
  readonly revision: number;
  /** For each change, in order, the document as it was left; `undefined` for one that is gone. */
  readonly documents: readonly (StateDocument | undefined)[];
}

/** Writes documents with all that hangs on them: what the collection asks of their content, its indexes and their end. */
export interface DocumentWriter {
  /** What plans the changes of a commit. */
  readonly plan: PlanDeps;
  /**
   * Makes all changes at one revision, or none. The names are of one collection and differ. With several changes, a
   * refusal comes as WriteRefusedError.
   */
  commit(parent: string, changes: readonly DocumentChange[], options?: ChangeOptions): Promise<WrittenDocuments>;
}

export function createDocumentWriter({ ledger, definition, now = Date.now }: WriterOptions): DocumentWriter {
  const plan: PlanDeps = { definition, expiry: createExpiry(definition, now), checkOf: createSchemaChecks(), now };
  return {
    plan,
    commit: async (parent, changes, options) => {
      const { revision, documents } = await transactFor(
        ledger,
        async (view) => {
          const { writes, refusals } = await planChanges(plan, view, { parent, changes });
          for (const [position, err] of [...refusals].sort(([a], [b]) => a - b)) {
            throw changes.length === 1 ? err : new WriteRefusedError(position, err);
          }
          return writes;
        },
        options,
      );
      const written = documents.filter((document) => document?.collection === definition.collection);
      // The answer of an earlier call may be of another name, where the server made it.
      if (changes.length === 1) return { revision, documents: [written[0]] };
      const left = new Map(written.map((document) => [document?.id, document]));
      return { revision, documents: changes.map(({ name }) => left.get(name)) };
    },
  };
}
