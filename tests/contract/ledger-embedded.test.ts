import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeLedger } from './ledger.js';
import { describeLedgerInput } from './ledger-input.js';

describe('the ledger on the embedded engine', () => {
  describeLedger(createEmbeddedEngine);
  describeLedgerInput(createEmbeddedEngine);
});
