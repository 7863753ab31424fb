import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { errors, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import type { SigningKeys, StoredSigningKey } from '../../repositories/signing-keys.js';
import type { Clock } from '../../rpc/context.js';

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** For how long a key signs. */
const PERIOD_MS = 30 * DAY_MS;
/** How long before it signs a key is published, and how long after. */
const OVERLAP_MS = DAY_MS;
const CHECK_INTERVAL_MS = HOUR_MS;
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** A public key as RFC 7517 has it. */
export interface PublishedKey {
  readonly kid: string;
  readonly x: string;
}

/** The keys that access tokens are signed with, the same in every process. */
export interface KeyRing {
  current(): Promise<{ readonly kid: string; readonly privateKey: CryptoKey }>;
  /** Rejects with a JOSE error for a key that is not, or no longer, published. */
  publicKey(kid: string): Promise<CryptoKey>;
  published(): Promise<readonly PublishedKey[]>;
  close(): void;
}

export interface KeyRingDeps {
  readonly stored: SigningKeys;
  /** 32 bytes: the private keys are stored encrypted with it. */
  readonly encryptionKey: Uint8Array;
  readonly clock: Clock;
  readonly onError: (err: unknown) => void;
}

/**
 * Opens the ring, with a key to sign with from now on. Time is cut into periods, each with one key that whoever comes first
 * makes: no process has to be the one that rotates.
 */
export async function openKeyRing(deps: KeyRingDeps): Promise<KeyRing> {
  const { stored, clock } = deps;
  const privateKeys = new Map<string, Promise<CryptoKey>>();
  const publicKeys = new Map<string, Promise<CryptoKey>>();
  const ensure = () => ensureKeys(deps);
  await ensure();
  const timer = setInterval(() => void ensure().catch(deps.onError), CHECK_INTERVAL_MS).unref();
  const isPublished = ({ expireTime }: StoredSigningKey) => clock.now() < expireTime;
  return {
    current: async () => {
      const key = (await stored.all()).findLast(({ activateTime }) => activateTime <= clock.now());
      if (key === undefined) throw new Error('There is no key to sign access tokens with');
      const privateKey = await remember(privateKeys, key.kid, () => importKey(openSealed(deps.encryptionKey, key)));
      return { kid: key.kid, privateKey };
    },
    publicKey: async (kid) => {
      const key = (await stored.all()).find((candidate) => candidate.kid === kid);
      if (key === undefined || !isPublished(key)) throw new errors.JWKSNoMatchingKey();
      return remember(publicKeys, kid, () => importKey({ kty: 'OKP', crv: 'Ed25519', x: key.x }));
    },
    published: async () => (await stored.all()).filter(isPublished).map(({ kid, x }) => ({ kid, x })),
    close: () => clearInterval(timer),
  };
}

async function ensureKeys({ stored, encryptionKey, clock }: KeyRingDeps): Promise<void> {
  const nowMs = clock.now();
  const periods = [Math.floor(nowMs / PERIOD_MS), Math.floor((nowMs + OVERLAP_MS) / PERIOD_MS)];
  for (const period of new Set(periods)) {
    const kid = `p${period}`;
    if ((await stored.all()).some((key) => key.kid === kid)) continue;
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const { d = '', x = '' } = await exportJWK(privateKey);
    const { x: published = x } = await exportJWK(publicKey);
    await stored.add({
      kid,
      x: published,
      sealed: seal(encryptionKey, kid, d),
      activateTime: period * PERIOD_MS,
      expireTime: (period + 1) * PERIOD_MS + OVERLAP_MS,
    });
  }
}

/** What fails is made again by whoever asks next. */
function remember<T>(kept: Map<string, Promise<T>>, kid: string, make: () => Promise<T>): Promise<T> {
  const known = kept.get(kid);
  if (known !== undefined) return known;
  const made = make();
  kept.set(kid, made);
  made.catch(() => kept.delete(kid));
  return made;
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, 'EdDSA');
  if (key instanceof Uint8Array) throw new TypeError('An Ed25519 key is not symmetric');
  return key;
}

function seal(key: Uint8Array, kid: string, secret: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv).setAAD(Buffer.from(kid));
  const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
}

function openSealed(key: Uint8Array, { kid, x, sealed }: StoredSigningKey): JWK {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES)).setAAD(Buffer.from(kid));
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const d = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString();
  return { kty: 'OKP', crv: 'Ed25519', x, d };
}
