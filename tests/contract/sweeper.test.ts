import { createEmbeddedEngine } from '../support/embedded-engine.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeSweeper } from './sweeper.js';

describe('the sweeper of expired resources on the embedded engine', () => describeSweeper(createEmbeddedEngine));

describeMongo('the sweeper of expired resources on a MongoDB server', (server) =>
  describeSweeper(async () => createMongoEngine(server())),
);
