import type { SessionFamilies } from '../../repositories/session-families.js';
import type { Clock } from '../../rpc/context.js';
import { ServiceError } from '../../rpc/errors.js';

/** How often a session is read again because somebody else changed it. */
export const SAVE_ATTEMPTS_MAX = 20;

const END_PAGE = 100;

export interface SessionEndDeps {
  readonly families: Pick<SessionFamilies, 'find' | 'save' | 'list' | 'announceEnd'>;
  readonly accessTokens: { readonly lifetimeMs: number };
  readonly clock: Clock;
}

/** Ends sessions: first in the lease, after which nothing is refreshed, then for every process that verifies tokens. */
export function createSessionEnd({ families, accessTokens, clock }: SessionEndDeps) {
  const end = async (name: string): Promise<void> => {
    for (let attempt = 1; attempt <= SAVE_ATTEMPTS_MAX; attempt += 1) {
      const family = await families.find(name);
      if (family === undefined) return;
      if (family.ended || (await families.save({ ...family, ended: true }))) {
        // Also where it had ended: whoever ended it may not have come to this.
        return families.announceEnd(name, clock.now() + accessTokens.lifetimeMs);
      }
    }
    throw contended(name);
  };
  return {
    end,
    endAll: async (user: string): Promise<void> => {
      let after = '';
      for (;;) {
        const page = await families.list(user, { after, limit: END_PAGE });
        for (const { name } of page) await end(name);
        const last = page.at(-1);
        if (last === undefined || page.length < END_PAGE) return;
        after = last.name;
      }
    },
  };
}

export function contended(session: string): ServiceError {
  return new ServiceError('CONTENTION', `Cannot change session "${session}": others change it all the time`);
}
