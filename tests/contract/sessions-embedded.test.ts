import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeSessions } from './sessions.js';

describe('sessions, on the embedded engine', () => describeSessions(createEmbeddedEngine));
