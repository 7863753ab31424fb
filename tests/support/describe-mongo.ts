import { type MongoServer, skipWithoutMongo, startMongoServer } from './mongo-server.js';

/** A group of tests with a MongoDB server, which skips, with a line that says why, where there is none. */
export function describeMongo(title: string, define: (server: () => MongoServer) => void): void {
  describe(title, () => {
    let server: MongoServer | undefined;

    before(async function () {
      this.timeout(20_000);
      server = await startMongoServer();
      if (!server) skipWithoutMongo(this);
    });
    after(() => server?.stop());

    define(() => {
      if (!server) throw new Error('Cannot use the MongoDB server: it is not running');
      return server;
    });
  });
}
