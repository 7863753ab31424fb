import type { BenchCase } from '../bench.js';
import { cachedGet } from './cached-get.js';
import { echo } from './echo.js';
import { rest } from './rest.js';
import { stream } from './stream.js';
import { access } from './access.js';
import { checkAccess } from './check-access.js';
import { decision } from './decision.js';
import { commit } from './commit.js';
import { firstMessage } from './first-message.js';
import { follow } from './follow.js';
import { importDocuments } from './import.js';
import { memory } from './memory.js';
import { overload } from './overload.js';
import { query } from './query.js';
import { recovery } from './recovery.js';
import { size } from './size.js';
import { start } from './start.js';
import { watchFanout } from './watch-fanout.js';
import { workers } from './workers.js';

/** Every case, in the order in which they run. */
export const CASES: readonly BenchCase[] = [
  echo,
  stream,
  cachedGet,
  access,
  checkAccess,
  decision,
  rest,
  firstMessage,
  workers,
  commit,
  follow,
  importDocuments,
  query,
  watchFanout,
  overload,
  recovery,
  memory,
  size,
  start,
];
