import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeAccess } from './access.js';

describe('access, on the embedded engine', () => describeAccess(createEmbeddedEngine, { isShared: false }));
