import { expect } from 'chai';
import { Binding, Role } from '../../../../gen/keelson/access/v1/resources.js';
import { createAccessDecisions } from '../../../../src/services/access/access-decisions.js';
import { AccessModel } from '../../../../src/services/access/access-model.js';
import { StoreFailedError } from '../../../../src/store/errors.js';
import { rejection } from '../../../support/rejection.js';

describe('createAccessDecisions()', () => {
  const model = new AccessModel();
  model.setBuiltInRoles([Role.fromPartial({ name: 'roles/owner', permissions: ['*'] })]);
  const resource = 'collections/orders';
  model.setBinding('bindings/b', Binding.fromPartial({ member: 'users/ada', role: 'roles/owner', resource }));
  const decisions = createAccessDecisions({
    model,
    replica: { reach: async () => undefined },
    clock: { now: () => 0 },
  });
  const may = (name: string) => decisions.principalMay('users/ada', 'documents.documents.get', name);

  it('grants on what a name stands for', () => {
    expect([may('collections/orders'), may('collections/orders/documents/o-17.x')]).to.deep.equal([true, true]);
  });

  const escapes = {
    'steps up': 'collections/orders/../secrets',
    'steps up at the end': 'collections/orders/..',
    'stays where it is': 'collections/orders/./documents/a',
    'has an empty part': 'collections/orders//documents/a',
    'ends with a slash': 'collections/orders/',
    'is escaped': 'collections/orders/%2e%2e/secrets',
    'escapes a slash': 'collections/orders%2Fdocuments',
    'looks alike': 'collections/\u043erders/documents/a',
    'hides a character': 'collections/orders/docu\u200bments/a',
    'has a NUL': 'collections/orders/documents/a\0',
  };
  for (const [what, name] of Object.entries(escapes)) {
    it(`denies a name that ${what}`, () => {
      expect(may(name)).to.equal(false);
    });
  }

  it('says that the database is away where it cannot see how far the log goes, and does not look like a fault', async () => {
    const away = createAccessDecisions({
      model,
      replica: { reach: async () => Promise.reject(new StoreFailedError('read the log')) },
      clock: { now: () => 0 },
    });
    const caller = { name: 'users/ada', permissions: ['*'] };
    const signal = new AbortController().signal;
    const consistency = { freshness: 'latest', saw: () => {}, caughtUp: () => {}, sawToken: () => {} } as const;
    const asked = Promise.resolve(away.isAllowed({ caller, signal, consistency }, 'documents.documents.get', resource));
    expect(await rejection(asked)).to.include({ name: 'ServiceError', reason: 'STORE_UNAVAILABLE' });
  });
});
