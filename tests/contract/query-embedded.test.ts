import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeQueries } from './query.js';
import { describeResources } from './query-resources.js';

// A query takes no round trip here, so that there can be more of them.
const FILTERS = 400;

describe('queries on the embedded engine', () => describeQueries(createEmbeddedEngine, FILTERS));

describe('resources on the embedded engine', () => describeResources(createEmbeddedEngine));
