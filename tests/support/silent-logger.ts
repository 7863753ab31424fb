import type { LedgerLogger } from '../../src/ledger/surroundings.js';

/** Takes every line and shows none. */
export const SILENT_LOGGER: LedgerLogger = { info: () => {}, warn: () => {}, error: () => {} };
