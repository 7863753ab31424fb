import { type MongoServer, skipWithoutMongo, startMongoServer } from './mongo-server.js';

/** A group of tests with a MongoDB server, which skips, with a line that says why, where there is none. */
export function describeMongo(title: string, define: (server: () => MongoServer) => void): void {
  describe(title, function () {
    // A server of its own on a machine that does other things, too.
    this.timeout(60_000);
    let server: MongoServer | undefined;

    before(async function () {
      server = await startMongoServer();
      if (!server) skipWithoutMongo(this);
    });
    define(() => {
      if (!server) throw new Error('Cannot use the MongoDB server: it is not running');
      return server;
    });

    // Behind the hooks of the group, which close what uses the server.
    after(() => server?.stop());
  });
}
