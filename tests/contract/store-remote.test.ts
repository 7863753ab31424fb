import { createRemoteEngine } from '../support/remote-engine.js';
import { describeLedger } from './ledger.js';
import { describeQueries } from './query.js';
import { describeStore } from './store.js';

const FILTERS = 100;

describe('the embedded engine of another process', () => {
  describeStore(createRemoteEngine);

  describe('under a ledger', () => describeLedger(createRemoteEngine));

  describe('under queries', () => describeQueries(createRemoteEngine, FILTERS));
});
