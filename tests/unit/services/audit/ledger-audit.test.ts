import { expect } from 'chai';
import type { AuditEntry } from '../../../../gen/keelson/audit/v1/audit_service.js';
import type { AuditRecord } from '../../../../src/rpc/access.js';
import { createLedgerAudit, REFUSALS_MAX } from '../../../../src/services/audit/ledger-audit.js';

describe('the audit in the ledger', () => {
  let added: AuditEntry[];
  let logged: AuditRecord[];
  let failures: unknown[];
  let add: (entries: readonly AuditEntry[]) => Promise<void>;
  let audit: ReturnType<typeof createLedgerAudit>;

  beforeEach(() => {
    added = [];
    logged = [];
    failures = [];
    add = async (entries) => void added.push(...entries);
    audit = createLedgerAudit({
      entries: { add: (entries) => add(entries) },
      log: { record: async (record) => void logged.push(record) },
      onError: (err) => failures.push(err),
    });
  });

  afterEach(() => audit.close());

  it('has a change of access or identity before it is answered, and leaves other calls to the log', async () => {
    await audit.record(aRecord({ method: 'keelson.access.v1.AccessPolicyService/CreateRole', requests: [{ a: 1 }] }));
    await audit.record(aRecord({ method: 'keelson.documents.v1.DocumentService/CreateDocument' }));

    expect(added.map(({ method, requests, count }) => [method, requests, count])).to.deep.equal([
      ['keelson.access.v1.AccessPolicyService/CreateRole', [{ a: 1 }], 1],
    ]);
    expect(logged.map(({ method }) => method)).to.deep.equal(['keelson.documents.v1.DocumentService/CreateDocument']);
  });

  it('rejects a change that the ledger does not take', async () => {
    const away = new Error('away');
    add = () => Promise.reject(away);

    const outcome = await audit.record(aRecord({})).catch((err: unknown) => err);

    expect(outcome).to.equal(away);
  });

  it('leaves to the log at the end what a ledger that does not answer was given', async () => {
    const silent = createLedgerAudit({
      entries: { add: () => new Promise(() => {}) },
      log: { record: async (record) => void logged.push(record) },
      onError: (err) => failures.push(err),
      lastWriteMsMax: 1,
    });
    const refused = aRecord({ code: 'PERMISSION_DENIED', reason: 'PERMISSION_DENIED' });
    await silent.record(refused);
    void silent.flush();
    await silent.record({ ...refused, caller: 'users/bob' });

    await silent.close();

    expect(logged.map(({ caller }) => caller)).to.deep.equal([refused.caller, 'users/bob']);
    expect(failures).to.have.length(2);
  });

  it('counts what was refused alike, and tells apart what was not', async () => {
    const denied = { code: 'PERMISSION_DENIED', reason: 'PERMISSION_DENIED', requests: [{ text: 'long' }] };
    for (const timeMs of [5000, 4000, 7000]) await audit.record(aRecord({ ...denied, timeMs }));
    await audit.record(aRecord({ ...denied, caller: 'users/bob' }));
    await audit.record(aRecord({ ...denied, resource: 'collections/b' }));
    await audit.record(aRecord({ ...denied, method: 'keelson.documents.v1.DocumentService/GetDocument' }));
    await audit.record(aRecord({ code: 'UNAUTHENTICATED', reason: 'CREDENTIALS_INVALID' }));
    expect(added).to.deep.equal([]);

    await audit.close();

    expect(added.map(({ count }) => count)).to.deep.equal([3, 1, 1, 1, 1]);
    expect(added[0]?.requests).to.deep.equal([]);
    expect([added[0]?.time?.seconds, added[0]?.lastTime?.seconds]).to.deep.equal([5n, 7n]);
  });

  it('holds a bounded number of refusals, counts the others by method, and has each in the log', async () => {
    const more = 50;
    for (let index = 0; index < REFUSALS_MAX + more; index += 1) {
      await audit.record(aRecord({ code: 'PERMISSION_DENIED', resource: `collections/c${index}` }));
    }

    await audit.flush();

    expect(added).to.have.length(REFUSALS_MAX + 1);
    expect(added.at(-1)).to.include({ count: more, caller: '', resource: '' });
    expect(logged.map(({ resource }) => resource)).to.include(`collections/c${REFUSALS_MAX + more - 1}`);
    expect(logged).to.have.length(more);
  });

  it('leaves refusals that the ledger does not take to the log', async () => {
    add = () => Promise.reject(new Error('away'));
    await audit.record(aRecord({ code: 'PERMISSION_DENIED' }));

    await audit.flush();

    expect(failures).to.have.length(1);
    expect(logged).to.have.length(1);
  });
});

function aRecord(record: Partial<AuditRecord>): AuditRecord {
  return {
    caller: 'users/ada',
    method: 'keelson.identity.v1.IdentityService/CreateUser',
    permission: 'identity.users.create',
    resource: 'users',
    timeMs: 1000,
    peer: '127.0.0.1:1',
    protocol: 'grpc',
    requestId: 'r',
    traceId: 't',
    code: 'OK',
    reason: undefined,
    requests: undefined,
    ...record,
  };
}
