import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeRecovery } from './recovery.js';

describeMongo('a recovery, on a MongoDB server', (server) => {
  describeRecovery(async () => createMongoEngine(server()));
});
