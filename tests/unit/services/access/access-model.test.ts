import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { AccessModel } from '../../../../src/services/access/access-model.js';

/** What goes round in a circle for ever is stopped by force, so that it fails and does not hang. */
const CIRCLE_MS_MAX = 10_000;

describe('AccessModel', () => {
  it('ends where groups close a circle, of themselves too', function () {
    this.timeout(2 * CIRCLE_MS_MAX);
    const model = new AccessModel();
    model.setGroup('groups/a', { members: ['groups/b', 'groups/a'] });
    model.setGroup('groups/b', { members: ['groups/c', 'users/ada'] });
    model.setGroup('groups/c', { members: ['groups/a'] });
    const groupsOf = () => [...model.groupsOf('users/ada')].sort();

    const groups: unknown = runInNewContext('groupsOf()', { groupsOf }, { timeout: CIRCLE_MS_MAX });

    expect(groups).to.deep.equal(['groups/a', 'groups/b', 'groups/c']);
  });
});
