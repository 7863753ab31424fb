// The query that people write by hand behind bare grpc-js: a select through an index of SQLite, or the cursor of the MongoDB
// driver, and a message for so many documents. It knows one filter, no permission and no revision.
import { once } from 'node:events';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import Database from 'libsql';
import { MongoClient } from 'mongodb';
import { DocumentServiceDefinition } from '../../dist/gen/keelson/documents/v1/document_service.js';
import { sayReady } from './listening.mjs';

const DOCUMENTS_PER_MESSAGE = 500;
const [engine, place] = process.argv.slice(2);

const find = engine === 'sqlite' ? openSqlite(place) : await openMongo(place);

const { queryDocuments } = DocumentServiceDefinition.methods;
const server = new Server();
server.addService(
  {
    queryDocuments: {
      path: `/${DocumentServiceDefinition.fullName}/${queryDocuments.name}`,
      requestStream: false,
      responseStream: true,
      requestDeserialize: (bytes) => queryDocuments.requestType.decode(bytes),
      responseSerialize: (value) => Buffer.from(queryDocuments.responseType.encode(value).finish()),
    },
  },
  {
    queryDocuments: (call) => {
      answer(call).catch((err) => call.destroy(err));
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (err, port) => {
  if (err) throw err;
  sayReady(port);
});

async function answer(call) {
  const [, customer] = /^fields\.customer = "(.*)"$/.exec(call.request.filter);
  let documents = [];
  const send = async () => {
    if (!call.write({ documents, revision: 1n })) await once(call, 'drain');
    documents = [];
  };
  for await (const document of find(customer)) {
    documents.push(document);
    if (documents.length === DOCUMENTS_PER_MESSAGE) await send();
  }
  if (documents.length > 0) await send();
  call.end();
}

function openSqlite(path) {
  const db = new Database(path);
  const select = db.prepare(`SELECT * FROM documents WHERE json_extract(value, '$.fields.customer') = ? ORDER BY id`);
  return function* rows(customer) {
    for (const { id, value, revision, create_time, update_time } of select.iterate([customer])) {
      const { fields } = JSON.parse(value);
      yield toMessage({ name: id, fields, revision, createTime: create_time, updateTime: update_time });
    }
  };
}

async function openMongo(url) {
  const client = await new MongoClient(url).connect();
  const documents = client.db().collection('documents');
  return async function* found(customer) {
    for await (const { _id, fields, revision, createTime, updateTime } of documents
      .find({ 'fields.customer': customer })
      .sort({ _id: 1 })) {
      yield toMessage({ name: _id, fields, revision, createTime: Number(createTime), updateTime: Number(updateTime) });
    }
  };
}

function toMessage({ name, fields, revision, createTime, updateTime }) {
  return {
    ...{ name, fields, etag: Buffer.from(String(revision)).toString('base64url'), revision: BigInt(revision) },
    ...{ createTime: toTimestamp(createTime), updateTime: toTimestamp(updateTime) },
  };
}

function toTimestamp(ms) {
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}
