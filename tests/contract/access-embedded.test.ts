import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeAccess } from './access.js';
import { describeAccessWatch } from './access-watch.js';

describe('access, on the embedded engine', () => describeAccess(createEmbeddedEngine, { isShared: false }));

describe('a watch of access, on the embedded engine', () => describeAccessWatch(createEmbeddedEngine));
