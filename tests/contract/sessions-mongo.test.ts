import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeSessions } from './sessions.js';

describeMongo('sessions, on a MongoDB server', (server) => {
  describeSessions(async () => createMongoEngine(server()));
});
