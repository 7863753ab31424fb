import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeAccess } from './access.js';

describeMongo('access, on a MongoDB server', (server) => {
  describeAccess(async () => createMongoEngine(server()), { isShared: true });
});
