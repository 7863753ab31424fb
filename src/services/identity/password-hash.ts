import { randomBytes } from 'node:crypto';
import { hash, parseOptions, verify } from '@node-rs/argon2';

/** Argon2id with what OWASP's password storage cheat sheet asks for at least; about 30 ms of one core. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Hashes that are worked on at once: they would take every thread that files and names are read by. */
const CONCURRENCY_MAX = 2;

/** What a check of a password gives. */
export interface PasswordCheck {
  readonly matches: boolean;
  /** A hash to be stored instead, where the stored one is weaker than new ones are. */
  readonly upgraded: string | undefined;
}

/** Turns passwords into what may be stored, and compares them. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** Takes as long without a stored hash as with one. */
  check(password: string, stored: string | undefined): Promise<PasswordCheck>;
}

export function createPasswordHasher(): PasswordHasher {
  const inTurn = createSlots(CONCURRENCY_MAX);
  let unknown: Promise<string> | undefined;
  const hashNow = (password: string) => inTurn(() => hash(password, PARAMETERS));
  return {
    hash: hashNow,
    check: async (password, stored) => {
      unknown ??= hashNow(randomBytes(16).toString('hex'));
      const compared = stored ?? (await unknown);
      const matches = await inTurn(() => verify(compared, password));
      if (stored === undefined || !matches) return { matches: false, upgraded: undefined };
      return { matches, upgraded: isWeak(stored) ? await hashNow(password) : undefined };
    },
  };
}

function isWeak(stored: string): boolean {
  const { memoryCost, timeCost } = parseOptions(stored);
  return memoryCost < PARAMETERS.memoryCost || timeCost < PARAMETERS.timeCost;
}

type Slots = <T>(work: () => Promise<T>) => Promise<T>;

/** Runs so many works at once; others wait in the order in which they came. */
function createSlots(slots: number): Slots {
  const waiting: (() => void)[] = [];
  let free = slots;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => void waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
