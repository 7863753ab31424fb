// The cache that people write by hand behind bare grpc-js: redis.get, JSON.parse, or else MongoDB and set with a TTL.
// It serves stale answers after a write, for as long as the TTL; Keelson does not.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { MongoClient } from 'mongodb';
import { DocumentServiceDefinition } from '../../dist/gen/keelson/documents/v1/document_service.js';
import { sayReady } from './listening.mjs';

const TTL_SECONDS = 60;
const [mongoUrl, redisUrl, fields] = process.argv.slice(2);

const redis = new Redis(redisUrl, { enableAutoPipelining: true });
const mongo = await new MongoClient(mongoUrl).connect();
const documents = mongo.db().collection('documents');
await documents.replaceOne(
  { _id: 'collections/orders/documents/o-17' },
  { fields: JSON.parse(fields), etag: 'e1', revision: 1 },
  { upsert: true },
);

const { getDocument } = DocumentServiceDefinition.methods;
const server = new Server();
server.addService(
  {
    getDocument: {
      path: `/${DocumentServiceDefinition.fullName}/${getDocument.name}`,
      requestStream: false,
      responseStream: false,
      requestDeserialize: (bytes) => getDocument.requestType.decode(bytes),
      responseSerialize: (value) => Buffer.from(getDocument.responseType.encode(value).finish()),
    },
  },
  {
    getDocument: ({ request }, callback) => {
      read(request.name).then(
        (found) => callback(null, { name: request.name, ...found, revision: BigInt(found.revision) }),
        (err) => callback(err),
      );
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (err, port) => {
  if (err) throw err;
  sayReady(port);
});

async function read(name) {
  const cached = await redis.get(name);
  if (cached !== null) return JSON.parse(cached);
  const { _id, ...found } = await documents.findOne({ _id: name });
  await redis.set(name, JSON.stringify(found), 'EX', TTL_SECONDS);
  return found;
}
