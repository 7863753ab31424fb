import { expect } from 'chai';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DocumentServiceDefinition } from '../../gen/keelson/documents/v1/document_service.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { startServerProcess, type ServerProcess } from '../support/server-process.js';

const REPLICAS = 3;
const TEST_MS_MAX = 60_000;

describeMongo('replicas that start at once on a new database, with one data directory', (server) => {
  it('leave one token there, which all of them take', async function () {
    this.timeout(TEST_MS_MAX);
    const engine = createMongoEngine(server());
    const dataDir = await mkdtemp(join(tmpdir(), 'keelson-replicas-'));
    const settings = { KEELSON_DATA_DIR: dataDir, KEELSON_STORE_URL: engine.url, KEELSON_LOG_LEVEL: 'warn' };
    const replicas: ServerProcess[] = await Promise.all(
      Array.from({ length: REPLICAS }, () => startServerProcess({ settings })),
    );

    for (const { address } of replicas) {
      const documents = createClient(DocumentServiceDefinition, { address, token: replicas[0]?.token ?? '' });
      expect(await documents.listDocuments({ parent: 'collections/notes' })).to.have.property('documents');
      documents.close();
    }
    expect((await readdir(dataDir)).filter((name) => name.startsWith('admin-token'))).to.deep.equal(['admin-token']);

    for (const replica of replicas) await replica.close();
    await rm(dataDir, { recursive: true });
    await engine.destroy();
  });
});
