import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeLedger } from './ledger.js';

describe('the ledger on the embedded engine', () => describeLedger(createEmbeddedEngine));
