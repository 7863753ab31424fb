import { expect } from 'chai';
import { createAuthenticator, type AuthenticatorDeps } from '../../../../src/services/identity/authenticate.js';
import { KnownCallers } from '../../../../src/services/identity/known-callers.js';
import { formatToken, hashSecret } from '../../../../src/services/identity/token.js';
import type { Freshness } from '../../../../src/rpc/context.js';

const ACCOUNT = 'serviceAccounts/orders';
const KEY_NAME = `${ACCOUNT}/apiKeys/k`;
const SECRET = 's'.repeat(43);
const KEY_TOKEN = formatToken({ keyName: KEY_NAME, secret: SECRET });
const ACCESS_TOKEN = 'a.b.c';
const URI = 'spiffe://example.org/orders';
const clock = { now: () => 0 };
/** The last revision that the process has read; what ended the caller is the one after it. */
const READ = 7;

const aMemory = () => new KnownCallers({ watch: () => () => undefined, clock });

describe('createAuthenticator()', () => {
  /** A process that has not heard yet of what it was told about callers last. */
  function aProcessBehind(): ReturnType<typeof createAuthenticator> {
    const before = (freshness: Freshness) => freshness === 'any';
    const stored = { key: { name: KEY_NAME, scopes: [] }, secretHash: hashSecret(SECRET), previousSecretHash: '' };
    return createAuthenticator({
      apiKeys: { find: async (_name: string, freshness: Freshness) => (before(freshness) ? stored : undefined) },
      principals: {
        isActive: async () => true,
        findByCertificate: async (_uri: string, freshness: Freshness) => (before(freshness) ? ACCOUNT : undefined),
      },
      accessTokens: {
        inspect: async () => ({
          claims: { subject: 'users/ada', session: 'users/ada/sessions/s' },
          expireMs: Infinity,
        }),
      },
      ended: { has: async (_name: string, freshness: Freshness) => !before(freshness) },
      keyUses: { note: () => undefined },
      known: { tokens: aMemory(), certificates: aMemory() },
      revision: () => READ,
      clock,
    } as unknown as AuthenticatorDeps);
  }

  for (const [what, token] of [
    ['an API key', KEY_TOKEN],
    ['an access token', ACCESS_TOKEN],
  ] as const) {
    it(`takes ${what} by what the process has read`, async () => {
      expect(await aProcessBehind().authenticate(token, READ)).not.to.equal(undefined);
    });

    it(`does not take ${what} that it knows of a caller who has seen that it was ended`, async () => {
      const authenticator = aProcessBehind();
      await authenticator.authenticate(token, READ);
      expect(await authenticator.authenticate(token, READ + 1)).to.equal(undefined);
    });

    it(`does not wait for ${what} that it knows`, async () => {
      const authenticator = aProcessBehind();
      const caller = await authenticator.authenticate(token, READ);
      expect(authenticator.authenticate(token, READ)).to.equal(caller);
    });

    it(`does not take ${what} of a caller who has seen that it was ended`, async () => {
      expect(await aProcessBehind().authenticate(token, READ + 1)).to.equal(undefined);
    });
  }

  it('does not take a certificate for an account of whose change the caller has seen', async () => {
    const authenticator = aProcessBehind();

    expect((await authenticator.authenticatePeer?.(URI, READ))?.name).to.equal(ACCOUNT);
    expect((await authenticator.authenticatePeer?.(URI, READ + 1))?.name).to.equal(URI);
  });

  it('does not take what it knows as the name in a certificate for a token', async () => {
    const authenticator = createAuthenticator({
      principals: { isActive: async () => true, findByCertificate: async () => ACCOUNT },
      accessTokens: { inspect: async () => undefined },
      keyUses: { note: () => undefined },
      known: { tokens: aMemory(), certificates: aMemory() },
      revision: () => READ,
      clock,
    } as unknown as AuthenticatorDeps);

    expect((await authenticator.authenticatePeer?.(URI, READ))?.name).to.equal(ACCOUNT);
    expect(await authenticator.authenticate(URI, READ)).to.equal(undefined);
  });
});
