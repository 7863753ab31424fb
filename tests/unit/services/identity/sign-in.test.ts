import { expect } from 'chai';
import type { StoredPassword } from '../../../../src/repositories/passwords.js';
import type { CallContext } from '../../../../src/rpc/context.js';
import { ServiceError } from '../../../../src/rpc/errors.js';
import { createSignIn, type SignInDeps } from '../../../../src/services/identity/sign-in.js';
import { rejection } from '../../../support/rejection.js';

const USER = 'users/ada';
const SESSION = `${USER}/sessions/s`;

describe('signIn()', () => {
  /** A sign-in with the right password, before which `first` is stored, and behind which it finds `last`. */
  function aSignIn({ first, last, upgraded, ...more }: { first: string; last: string; upgraded?: string; off?: true }) {
    const activity = [true, more.off !== true];
    const found: StoredPassword[] = [
      { hash: first, revision: 1 },
      { hash: last, revision: 2 },
    ];
    const ended: string[] = [];
    const issued = { session: SESSION, accessToken: 'a', refreshToken: 'r' };
    const deps: Pick<SignInDeps, 'checks' | 'sessions'> = {
      checks: { check: async () => ({ stored: found.shift(), upgraded }), forgive: async () => undefined },
      sessions: {
        begin: async () => ({ ...issued, accessTokenExpireTime: 1, refreshTokenExpireTime: 2 }),
        end: async (name) => void ended.push(name),
      },
    };
    const passwords = { find: async () => found.shift(), upgrade: async () => undefined };
    const identities = { passwords, principals: { isActive: async () => activity.shift() } };
    const signIn = createSignIn({ ...deps, identities } as unknown as SignInDeps);
    const ctx = { peer: '127.0.0.1:1', signal: new AbortController().signal } as unknown as CallContext;
    return { ended, result: signIn(ctx, { user: USER, password: 'p', userAgent: '' }) };
  }

  it('gives a session where the password stays what it was', async () => {
    const { ended, result } = aSignIn({ first: 'one', last: 'one' });

    expect((await result).session).to.equal(SESSION);
    expect(ended).to.deep.equal([]);
  });

  it('gives a session where only the hash of the password is a better one', async () => {
    const { ended, result } = aSignIn({ first: 'weak', upgraded: 'strong', last: 'strong' });

    expect((await result).session).to.equal(SESSION);
    expect(ended).to.deep.equal([]);
  });

  for (const [what, change] of [
    ['another password was set meanwhile', {}],
    ['another password was set while the hash was made better', { upgraded: 'strong' }],
    ['the user was disabled meanwhile', { last: 'weak', off: true }],
  ] as const) {
    it(`ends the session again where ${what}`, async () => {
      const { ended, result } = aSignIn({ first: 'weak', last: 'of another password', ...change });

      expect((await rejection(result, ServiceError)).reason).to.equal('CREDENTIALS_INVALID');
      expect(ended).to.deep.equal([SESSION]);
    });
  }
});
