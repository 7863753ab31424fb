import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeQueries } from './query.js';
import { describeResources } from './query-resources.js';

describe('queries on the embedded engine', () => describeQueries(createEmbeddedEngine));

describe('resources on the embedded engine', () => describeResources(createEmbeddedEngine));
