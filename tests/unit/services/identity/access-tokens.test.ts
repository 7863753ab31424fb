import { createHmac, sign as signBytes } from 'node:crypto';
import { expect } from 'chai';
import { errors, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { KeyObject } from 'node:crypto';
import { createAccessTokens, type AccessTokens } from '../../../../src/services/identity/access-tokens.js';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.js';

const KID = 'p1';
const NAMES = { issuer: 'https://keelson.example', audience: 'keelson' };
const MINUTE_MS = 60_000;

describe('an access token', () => {
  let clock: ManualClock;
  let tokens: AccessTokens;
  let privateKey: CryptoKey;
  let publicKey: CryptoKey;

  before(async () => {
    ({ privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true }));
  });

  beforeEach(() => {
    clock = createManualClock();
    const keys = {
      current: async () => ({ kid: KID, privateKey }),
      publicKey: async (kid: string) => {
        if (kid !== KID) throw new errors.JWKSNoMatchingKey();
        return publicKey;
      },
      published: async () => [],
      close: () => undefined,
    };
    tokens = createAccessTokens({ keys, names: NAMES, clock });
  });

  const nowSeconds = () => Math.floor(clock.now() / 1000);
  const goodHeader = { alg: 'EdDSA', typ: 'at+jwt', kid: KID };
  const goodClaims = (): JWTPayload => ({
    iss: NAMES.issuer,
    aud: NAMES.audience,
    sub: 'users/ada',
    iat: nowSeconds(),
    exp: nowSeconds() + 600,
  });
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  /** Signs any bytes with the true key, which no library would. */
  const signed = (claims: string, header: string = JSON.stringify(goodHeader)): string => {
    const input = `${encode(header)}.${encode(claims)}`;
    return `${input}.${signBytes(null, Buffer.from(input), KeyObject.from(privateKey)).toString('base64url')}`;
  };
  const withClaims = (claims: JWTPayload) => signed(JSON.stringify({ ...goodClaims(), ...claims }));
  const without = (name: string) =>
    signed(JSON.stringify(Object.fromEntries(Object.entries(goodClaims()).filter(([claim]) => claim !== name))));
  const withHeader = (header: object) =>
    signed(JSON.stringify(goodClaims()), JSON.stringify({ ...goodHeader, ...header }));

  it('is valid as it is issued, until it is over', async () => {
    const { token, expireTime } = await tokens.issue({ subject: 'users/ada', session: 'users/ada/sessions/s' });

    expect(await tokens.verify(token)).to.deep.equal({ subject: 'users/ada', session: 'users/ada/sessions/s' });
    clock.advance(expireTime - clock.now() - 1);
    expect(await tokens.verify(token)).not.to.equal(undefined);
    clock.advance(1);
    expect(await tokens.verify(token)).to.equal(undefined);
  });

  it('is valid where a test signs it by hand, so that those below differ in one thing', async () => {
    expect(await tokens.verify(withClaims({}))).to.deep.equal({ subject: 'users/ada', session: '' });
  });

  it('is not valid once it has been verified and altered', async () => {
    const token = withClaims({});
    await tokens.verify(token);
    const [header = '', , signature = ''] = token.split('.');
    const other = encode(JSON.stringify({ ...goodClaims(), sub: 'users/eve' }));

    expect(await tokens.verify(`${header}.${other}.${signature}`)).to.equal(undefined);
  });

  const attacks: Readonly<Record<string, () => string | Promise<string>>> = {
    'says that it has no signature, and has none': () =>
      `${encode(JSON.stringify({ ...goodHeader, alg: 'none' }))}.${encode(JSON.stringify(goodClaims()))}.`,
    'says that it has no signature, and has one': () => withHeader({ alg: 'none' }),
    'names its algorithm in another way': () => withHeader({ alg: 'Ed25519' }),
    'says so in other letters': () => withHeader({ alg: 'nOnE' }),
    'is signed with the public key as a secret': async () => {
      const { x = '' } = await exportJWK(publicKey);
      const input = `${encode(JSON.stringify({ ...goodHeader, alg: 'HS256' }))}.${encode(JSON.stringify(goodClaims()))}`;
      return `${input}.${createHmac('sha256', Buffer.from(x, 'base64url')).update(input).digest('base64url')}`;
    },
    'brings its own key': async () => {
      const other = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
      const jwk = await exportJWK(other.publicKey);
      return new SignJWT(goodClaims()).setProtectedHeader({ ...goodHeader, jwk }).sign(other.privateKey);
    },
    'is signed by a stranger': async () => {
      const other = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
      return new SignJWT(goodClaims()).setProtectedHeader(goodHeader).sign(other.privateKey);
    },
    'names a key that nobody knows': () => withHeader({ kid: 'p2' }),
    'names a key by a path': () => withHeader({ kid: '../../dev/null' }),
    'names no key': () => withHeader({ kid: undefined }),
    'is of another type': () => withHeader({ typ: 'JWT' }),
    'asks for an extension that is unknown': () => withHeader({ crit: ['x'], x: 1 }),
    'is over': () => withClaims({ iat: nowSeconds() - 601, exp: nowSeconds() - 1 }),
    'ends now': () => withClaims({ exp: nowSeconds() }),
    'is older than any that was issued, and does not end': () => withClaims({ iat: nowSeconds() - 601 }),
    'was issued in the future': () => withClaims({ iat: nowSeconds() + 60 }),
    'is not valid yet': () => withClaims({ nbf: nowSeconds() + 60 }),
    'is for somebody else': () => withClaims({ aud: 'another' }),
    'is for nobody': () => without('aud'),
    'is of another issuer': () => withClaims({ iss: `${NAMES.issuer}.evil.example` }),
    'is of no issuer': () => without('iss'),
    'has no subject': () => without('sub'),
    'has no end': () => without('exp'),
    'does not say when it was issued': () => without('iat'),
    'has an end that is no number': () => signed(JSON.stringify({ ...goodClaims(), exp: '9999999999' })),
    // The last of them counts for everybody who reads JSON here: it must be judged by the one that it is used by.
    'has its end twice': () => signed(JSON.stringify(goodClaims()).replace(/}$/, `,"exp":${nowSeconds() - 1}}`)),
    'has its audience twice': () => signed(JSON.stringify(goodClaims()).replace(/}$/, ',"aud":"another"}')),
    'holds no object': () => signed('[]'),
    'holds no JSON': () => signed('{'),
    'is giant': () => withClaims({ more: 'x'.repeat(1_000_000) }),
    'is nothing but dots': () => '..',
    'is empty': () => '',
  };

  for (const [title, make] of Object.entries(attacks)) {
    it(`is not valid that ${title}`, async () => {
      expect(await tokens.verify(await make())).to.equal(undefined);
    });
  }

  it('is not valid when it is cut anywhere, or goes on', async () => {
    const token = withClaims({});
    for (let length = 0; length < token.length; length += 1) {
      expect(await tokens.verify(token.slice(0, length)), String(length)).to.equal(undefined);
    }
    for (const more of ['.', '.x', '=', ' ', 'AAAA']) {
      expect(await tokens.verify(token + more), more).to.equal(undefined);
    }
  });

  it('is not valid in ten minutes, however often it was seen', async () => {
    const token = withClaims({ exp: nowSeconds() + 3600 });
    expect(await tokens.verify(token)).not.to.equal(undefined);
    clock.advance(10 * MINUTE_MS + 1000);

    expect(await tokens.verify(token)).to.equal(undefined);
  });
});
