import { createMongoEngine } from '../support/mongo-engine.js';
import { type MongoServer, skipWithoutMongo, startMongoServer } from '../support/mongo-server.js';
import { describeQueries } from './query.js';
import { describeResources } from './query-resources.js';

describe('queries and resources on a MongoDB server', () => {
  let server: MongoServer | undefined;

  before(async function () {
    this.timeout(20_000);
    server = await startMongoServer();
    if (!server) skipWithoutMongo(this);
  });
  after(() => server?.stop());

  const createEngine = async () => {
    if (!server) throw new Error('Cannot make a database: the server is not running');
    return createMongoEngine(server);
  };
  describeQueries(createEngine);
  describeResources(createEngine);
});
