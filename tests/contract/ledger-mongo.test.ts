import { describeMongo } from '../support/describe-mongo.js';
import { createMongoEngine } from '../support/mongo-engine.js';
import { describeLedger } from './ledger.js';
import { describeLedgerInput } from './ledger-input.js';

describeMongo('the ledger on a MongoDB server', (server) => {
  describeLedger(async () => createMongoEngine(server()));
  describeLedgerInput(async () => createMongoEngine(server()));
});
