import { ok, problem, warning, type Finding } from './finding.js';

/** Times that several processes write are then out of order by more than people overlook. */
const WARN_MS = 1_000;
/** Tokens are then refused before their time, or taken after it. */
const PROBLEM_MS = 30_000;

/** Holds this machine's clock against that of a server. */
export function judgeClock(server: string, aheadMs: number): Finding {
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  const check = `clock of ${server}`;
  if (Math.abs(aheadMs) < WARN_MS) return ok(check, 'agrees with the clock of this machine');
  const message = `is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the clock of this machine`;
  const todo = 'Synchronize both machines with NTP (chrony, systemd-timesyncd): tokens and expiry go by the clock';
  return Math.abs(aheadMs) < PROBLEM_MS ? warning(check, message, todo) : problem(check, message, todo);
}
