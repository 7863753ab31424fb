import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeAccess } from './access.js';
import { describeAccessWatch } from './access-watch.js';

describeMongo('access, on a MongoDB server', (server) => {
  describeAccess(async () => createMongoEngine(server()), { isShared: true });
});

describeMongo('a watch of access, on a MongoDB server', (server) => {
  describeAccessWatch(async () => createMongoEngine(server()));
});
