import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeRecovery } from './recovery.js';

describe('a recovery, on the embedded engine', () => describeRecovery(createEmbeddedEngine));
