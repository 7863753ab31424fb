import { expect } from 'chai';
import { compileBindings } from '../../../../src/gateway/routes/binding.js';
import { ContractError } from '../../../../src/rpc/method-table.js';
import { aTable } from '../fixture.js';

describe('compileBindings()', () => {
  it('gives the bindings of every method that has a rule, additional ones after the first', () => {
    const bindings = compileBindings(aTable());
    const shown = bindings.map(
      ({ method, httpMethod, template }) => `${method.descriptor.name} ${httpMethod} ${template.text}`,
    );
    expect(shown).to.include.members([
      'GetThing GET /v1/{name=things/*}',
      'GetThing GET /v1/{name=shelves/*/things/*}',
      'LockThing LOCK /v1/{name=things/*}',
    ]);
    expect(shown.join('\n')).not.to.include('HiddenThing');
  });

  it('throws one sentence per mistake, each naming its method', () => {
    const mistakes: readonly (readonly [method: string, mistake: string])[] = [
      ['BadTemplate', 'Path template "/v1/{text" is not valid: "{" has no "}" after it'],
      ['NoPath', 'has an option google.api.http without a path'],
      ['NoField', '"nope" is not the path of a single field of fixtures.v1.Everything'],
      ['ListInPath', '"strings" is not the path of a single field of fixtures.v1.Everything'],
      ['MessageInPath', '"place" is a message, which a part of a path cannot stand for'],
      ['InsideTime', '"timestamp.seconds" is not the path of a single field of fixtures.v1.Everything'],
      ['NoBodyField', 'its body "place.city_name" is not a field of fixtures.v1.Everything'],
      ['NoResponseField', 'its response_body "nope" is not a field of fixtures.v1.Everything'],
      ['GetWithBody', 'GET cannot have a body'],
      ['NestedBindings', 'has additional bindings inside additional bindings, which may be one level deep only'],
      ['StrangeMethod', 'HTTP method "FROB" is not one that Node.js can receive'],
    ];
    const expected = mistakes.map(
      ([method, mistake]) => `Method fixtures.v1.BrokenService.${method} cannot be served over HTTP: ${mistake}`,
    );
    expect(() => compileBindings(aTable(['BrokenService']))).to.throw(ContractError, expected.join('\n'));
  });
});
