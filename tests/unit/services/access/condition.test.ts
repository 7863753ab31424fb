import { expect } from 'chai';
import { compileCondition, ConditionError } from '../../../../src/services/access/condition.js';

describe('compileCondition()', () => {
  const FACTS = {
    principal: 'users/ada',
    groups: new Set(['groups/b', 'groups/a']),
    permission: 'documents.documents.get',
    resource: 'collections/orders/documents/o-17',
    nowMs: Date.parse('2024-05-01T12:00:00Z'),
  };
  const verdict = (expression: string) => compileCondition(expression)(FACTS);

  it('knows the caller, its groups, the resource, the permission and the time', () => {
    for (const expression of [
      'caller.name == "users/ada"',
      '"groups/a" in caller.groups && !("groups/c" in caller.groups)',
      'resource.name.startsWith("collections/orders/") && resource.name.endsWith("17")',
      'permission == "documents.documents.get"',
      'request.time == timestamp("2024-05-01T12:00:00Z")',
      'request.time.getDayOfWeek() == 3',
      'request.time - timestamp("2024-05-01T11:00:00Z") == duration("3600s")',
      'permission in ["documents.documents.get", "documents.documents.list"] ? size(caller.name) > 1 : false',
    ]) {
      expect(verdict(expression), expression).to.equal('true');
    }
  });

  it('tells what is false from what cannot be evaluated', () => {
    expect([verdict('false'), verdict('caller.age > 3'), verdict('"text"'), verdict('1 / 0 == 1')]).to.deep.equal([
      'false',
      'error',
      'error',
      'error',
    ]);
  });

  it('refuses what could take long, and what it does not know', () => {
    for (const expression of [
      'caller.name.matches("(a+)+b")',
      'matches(caller.name, "a")',
      'caller.groups.exists(g, g == "x")',
      'caller.groups.all(g, caller.groups.all(h, g == h))',
      '[1].map(x, x)',
      'has(caller.x) && {"a": 1}["a"] == 1',
      'google.protobuf.Timestamp{seconds: 1} == request.time',
      'process.exit()',
      'this == 1',
      '',
      '(((((',
      '"\\ud800"',
    ]) {
      expect(() => compileCondition(expression), expression).to.throw(ConditionError);
    }
  });

  it('takes as deep an expression as fits, and refuses it without harm', () => {
    const deep = `${'('.repeat(500)}true${')'.repeat(500)}`;

    expect(() => compileCondition(deep)).not.to.throw(RangeError);
  });
});
