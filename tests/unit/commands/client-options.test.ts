import { expect } from 'chai';
import { toConnection } from '../../../src/commands/client-options.js';

describe('toConnection()', () => {
  const options = { address: '127.0.0.1:1', tls: false };

  it('sends the token that it is given, and none where that is empty', () => {
    expect(toConnection({ ...options, token: 't' })).to.deep.equal({ address: '127.0.0.1:1', token: 't' });
    expect(toConnection({ ...options, token: '' })).to.deep.equal({ address: '127.0.0.1:1' });
    expect(toConnection(options)).to.deep.equal({ address: '127.0.0.1:1' });
  });
});
