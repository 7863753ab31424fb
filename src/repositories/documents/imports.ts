import { createResources } from '../resource.js';
import type { ReadContext } from '../read-context.js';
import { IMPORTS, NO_PROGRESS, type ImportProgress, type StoredImport } from './import-progress.js';
import { startImportRun, type ImportRun, type ImportRunDeps, type ImportStart } from './import-run.js';

/** Imports, and how far they have come. */
export interface Imports {
  /** How far an import has come; nowhere, if it has not begun. */
  progress(name: string, context?: ReadContext): Promise<ImportProgress>;
  /** Rejects with ResourceError `not-found`. */
  get(name: string, context?: ReadContext): Promise<StoredImport>;
  /** Begins to import, or goes on. The signal ends it. */
  run(start: ImportStart, signal: AbortSignal): ImportRun;
}

export function createImports(deps: ImportRunDeps): Imports {
  const { ledger, now } = deps;
  const resources = createResources({ ledger, now }, IMPORTS);
  return {
    progress: async (name, context) => (await resources.find(name, context)) ?? NO_PROGRESS,
    get: (name, context) => resources.get(name, context),
    run: (start, signal) => startImportRun(deps, start, signal),
  };
}
