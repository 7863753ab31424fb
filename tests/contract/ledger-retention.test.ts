import { describeMongo } from '../support/describe-mongo.js';
import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeRetention } from './ledger-retention.js';

describe('retention on the embedded engine', () => describeRetention(createEmbeddedEngine));

describeMongo('retention on a MongoDB server', (server) => {
  describeRetention(async () => createMongoEngine(server()));
});
