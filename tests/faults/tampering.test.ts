import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeMongo } from '../support/describe-mongo.js';
import { describeTampering } from './tampering.js';

describe('verifyLedger() on the embedded engine', () => describeTampering(createEmbeddedEngine));

describeMongo('verifyLedger() on a MongoDB server', (server) => {
  describeTampering(async () => createMongoEngine(server()));
});
