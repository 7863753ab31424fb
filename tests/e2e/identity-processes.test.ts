import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { AccessPolicyServiceDefinition } from '../../gen/keelson/access/v1/access_policy_service.js';
import { AccessServiceDefinition } from '../../gen/keelson/access/v1/access_service.js';
import { IdentityServiceDefinition } from '../../gen/keelson/identity/v1/identity_service.js';
import { CallError } from '../../src/rpc/client/call-error.js';
import { createConsistencySession } from '../../src/rpc/client/consistency-session.js';
import { createClient } from '../../src/rpc/client/create-client.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { describeMongo } from '../support/describe-mongo.js';
import { rejection } from '../support/rejection.js';

const HOOK_MS_MAX = 60_000;
/** Often enough that a process which does not look is caught. */
const ROUNDS = 8;
const CHECK = { permission: 'documents.documents.get', resource: 'collections/orders' };

describeMongo('identity and access in two processes on one database', function (server) {
  let here: TestApp;
  let there: TestApp;
  const opened = new Set<{ close(): void }>();

  before(async function () {
    this.timeout(HOOK_MS_MAX);
    const settings = { KEELSON_STORE_URL: server().urlOf(`keelson_e2e_${randomUUID().slice(0, 8)}`) };
    here = await startTestApp(settings);
    there = await startTestApp(settings);
  });

  after(async function () {
    this.timeout(HOOK_MS_MAX);
    for (const client of opened) client.close();
    await Promise.all([here.close(), there.close()]);
  });

  /** Calls with what was seen with all calls of one session. */
  function as({ address }: TestApp, token: string, session = createConsistencySession()) {
    const options = { address, token, session };
    const clients = [
      createClient(IdentityServiceDefinition, options),
      createClient(AccessPolicyServiceDefinition, options),
      createClient(AccessServiceDefinition, options),
    ] as const;
    for (const client of clients) opened.add(client);
    return { identity: clients[0], policy: clients[1], access: clients[2] };
  }

  it('do not know a key that a caller has seen to be deleted', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const session = createConsistencySession();
      const admin = as(here, here.token, session);
      const { name: parent } = await admin.identity.createServiceAccount({
        serviceAccount: {},
        serviceAccountId: `k${round}`,
      });
      const { apiKey, token } = await admin.identity.createApiKey({ parent, apiKey: {} });
      const other = as(there, token, session);
      await other.access.checkAccess({ check: CHECK }, { consistency: 'any' });

      await admin.identity.deleteApiKey({ name: apiKey?.name ?? '' });

      const late = await rejection(other.access.checkAccess({ check: CHECK }, { consistency: 'any' }), CallError);
      expect(late.reason, `round ${round}`).to.equal('TOKEN_INVALID');
    }
  });

  it('decide by a binding that a caller has seen to be made, and to be deleted', async () => {
    const session = createConsistencySession();
    const admin = as(here, here.token, session);
    const { name: parent } = await admin.identity.createServiceAccount({
      serviceAccount: {},
      serviceAccountId: 'bound',
    });
    const { token } = await admin.identity.createApiKey({ parent, apiKey: {} });
    const other = as(there, token, session);
    for (let round = 0; round < ROUNDS; round += 1) {
      const binding = { member: parent, role: 'roles/viewer', resource: CHECK.resource };
      const { name } = await admin.policy.createBinding({ binding });
      expect((await other.access.checkAccess({ check: CHECK }, { consistency: 'at-least' })).allowed).to.equal(true);

      await admin.policy.deleteBinding({ name });

      expect((await other.access.checkAccess({ check: CHECK }, { consistency: 'at-least' })).allowed).to.equal(false);
    }
  });
});
