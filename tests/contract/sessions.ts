import { expect } from 'chai';
import { createLedger, type Ledger } from '../../src/ledger/ledger.js';
import {
  createSessionFamilies,
  ENDED_SESSIONS_COLLECTION,
  type SessionFamilies,
} from '../../src/repositories/session-families.js';
import { ServiceError } from '../../src/rpc/errors.js';
import { createRefreshTokens } from '../../src/services/identity/refresh-token.js';
import {
  createSessions,
  REFRESH_GRACE_MS,
  SESSION_IDLE_MS,
  type Sessions,
} from '../../src/services/identity/sessions.js';
import { createGate } from '../support/delegating-store.js';
import type { CreateEngine, Engine } from '../support/engine.js';
import { createManualClock, type ManualClock } from '../support/manual-clock.js';
import { createRandom } from '../support/random.js';
import { rejection } from '../support/rejection.js';
import { seed } from '../support/seed.js';
import { SILENT_LOGGER } from '../support/silent-logger.js';

const USER = 'users/ada';
const FROM = { userAgent: 'test', address: '127.0.0.1' };
const AT_ONCE = 40;
const SCHEDULES = 30;

/** What refresh tokens promise, whoever races whom, on any engine. */
export function describeSessions(createEngine: CreateEngine): void {
  let engine: Engine;
  let ledger: Ledger;
  let clock: ManualClock;
  let families: SessionFamilies;
  let sessions: Sessions;
  let active: boolean;

  beforeEach(async () => {
    engine = await createEngine();
    ledger = await createLedger({ store: await engine.open(), logger: SILENT_LOGGER });
    await ledger.declareCollections([ENDED_SESSIONS_COLLECTION]);
    clock = createManualClock();
    active = true;
    families = createSessionFamilies(ledger);
    sessions = sessionsOn(families);
  });

  afterEach(async () => {
    await ledger.close();
    await engine.destroy();
  });

  /** As another process has them. */
  const sessionsOn = (on: SessionFamilies) =>
    createSessions({
      families: on,
      principals: { isActive: async () => active },
      refreshTokens: createRefreshTokens(Buffer.alloc(32, 7)),
      accessTokens: {
        lifetimeMs: 600_000,
        issue: async (_claims, fromMs = clock.now()) => ({ token: 'access', expireTime: fromMs + 600_000 }),
        verify: async () => undefined,
        inspect: async () => undefined,
      },
      clock,
    });
  const begin = (user = USER) => sessions.begin(user, FROM);
  const refresh = async (token: string) => (await sessions.refresh(token)).refreshToken;
  const reasonOf = async (promise: Promise<unknown>) => (await rejection(promise, ServiceError)).reason;
  const isRefused = async (token: string) => {
    try {
      await sessions.refresh(token);
      return false;
    } catch (err) {
      return err instanceof ServiceError && err.reason === 'REFRESH_TOKEN_INVALID';
    }
  };

  describe('a refresh', () => {
    it(`gives ${AT_ONCE} at once, from two processes, one successor, and moves the session on once`, async () => {
      const { refreshToken, session } = await begin();
      const other = sessionsOn(createSessionFamilies(ledger));

      const given = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, index) => (index % 2 === 0 ? sessions : other).refresh(refreshToken)),
      );

      expect(new Set(given.map((issued) => issued.refreshToken)).size).to.equal(1);
      expect((await families.find(session))?.generation).to.equal(2);
      expect(await isRefused(await refresh(given[0]?.refreshToken ?? ''))).to.equal(false);
    });

    it('gives the same successor to the end of the grace time, though that was exchanged itself', async () => {
      const { refreshToken: first } = await begin();
      const second = await refresh(first);
      await refresh(second);
      clock.advance(REFRESH_GRACE_MS);

      expect(await refresh(first)).to.equal(second);
    });

    it('with a token that was exchanged before the grace time ends the session and all that came of it', async () => {
      const { refreshToken: first, session } = await begin();
      const second = await refresh(first);
      clock.advance(REFRESH_GRACE_MS + 1);

      expect(await isRefused(first)).to.equal(true);
      expect(await isRefused(second)).to.equal(true);
      expect((await families.find(session))?.ended).to.equal(true);
      expect((await ledger.get(ENDED_SESSIONS_COLLECTION, session))?.id).to.equal(session);
    });

    it('tells two exchanges in one millisecond apart', async () => {
      const { refreshToken: first } = await begin();
      const [second, third] = [await refresh(first), await refresh(await refresh(first))];

      expect(new Set([first, second, third]).size).to.equal(3);
    });

    it('ends a session whose token was exchanged more often than is remembered, rather than to trust it', async () => {
      const { refreshToken: first } = await begin();
      let token = first;
      for (let count = 0; count < 9; count += 1) token = await refresh(token);

      expect(await isRefused(first)).to.equal(true);
      expect(await isRefused(token)).to.equal(true);
    });

    it('is refused where nobody has refreshed for too long, and where the user may not sign in any more', async () => {
      const { refreshToken } = await begin();
      active = false;
      expect(await isRefused(refreshToken)).to.equal(true);
      active = true;
      const next = await refresh(refreshToken);
      clock.advance(SESSION_IDLE_MS);
      expect(await isRefused(next)).to.equal(true);
    });
  });

  describe('an end', () => {
    it('that comes while a refresh has read the session is before it', async () => {
      const { refreshToken, session } = await begin();
      const gate = createGate();
      const slow = sessionsOn({ ...families, save: async (...saved) => (await gate.pass(), families.save(...saved)) });
      const refreshing = slow.refresh(refreshToken);
      await gate.reached;

      await sessions.end(session);
      gate.open();

      expect(await reasonOf(refreshing)).to.equal('REFRESH_TOKEN_INVALID');
      expect((await families.find(session))?.ended).to.equal(true);
    });

    it('that has read the session before a refresh moved it on ends what that gave', async () => {
      const { refreshToken, session } = await begin();
      const gate = createGate();
      const slow = sessionsOn({ ...families, save: async (...saved) => (await gate.pass(), families.save(...saved)) });
      const ending = slow.end(session);
      await gate.reached;

      const next = await refresh(refreshToken);
      gate.open();
      await ending;

      expect(await isRefused(next)).to.equal(true);
      expect(await isRefused(refreshToken)).to.equal(true);
    });

    it('is announced for at least as long as a token lives that a refresh gives which read the session before', async () => {
      const { refreshToken, session } = await begin();
      await refresh(refreshToken);
      const gate = createGate();
      const slow = sessionsOn({
        ...families,
        find: async (...found) => {
          const family = await families.find(...found);
          await gate.pass();
          return family;
        },
      });
      const refreshing = slow.refresh(refreshToken);
      await gate.reached;
      await sessions.end(session);
      const announced = await ledger.get(ENDED_SESSIONS_COLLECTION, session);
      clock.advance(REFRESH_GRACE_MS);
      gate.open();

      const { accessTokenExpireTime } = await refreshing;

      expect(Number(announced?.value['expire_time_ms'])).to.be.at.least(accessTokenExpireTime);
    });

    it('of one session leaves the others of the user, and of all those of others whose name begins alike', async () => {
      const [one, two, other] = [await begin(), await begin(), await begin(`${USER}-2`)];

      await sessions.end(one.session);
      const next = await refresh(two.refreshToken);
      await sessions.endAll(USER);

      expect(await isRefused(next)).to.equal(true);
      expect(await isRefused(other.refreshToken)).to.equal(false);
    });

    it('is before every refresh that begins after it was answered, in random schedules', async () => {
      const random = createRandom(seed());
      for (let schedule = 0; schedule < SCHEDULES; schedule += 1) {
        const { refreshToken, session } = await begin();
        let hasEnded = false;
        const refreshSome = async () => {
          for (let round = 0; round < 4; round += 1) {
            for (let turn = Math.floor(random() * 4); turn > 0; turn -= 1) await Promise.resolve();
            const begunAfter = hasEnded;
            const outcome = await sessions.refresh(refreshToken).then(
              () => 'given',
              () => 'refused',
            );
            if (begunAfter) expect(outcome).to.equal('refused');
          }
        };
        const endIt = async () => {
          for (let turn = Math.floor(random() * 8); turn > 0; turn -= 1) await families.find(session);
          await sessions.end(session);
          hasEnded = true;
        };
        await Promise.all([refreshSome(), refreshSome(), endIt(), refreshSome()]);
        expect(await isRefused(refreshToken)).to.equal(true);
      }
    });
  });
}
