import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeQueries } from './query.js';

describe('queries on the embedded engine', () => describeQueries(createEmbeddedEngine));
