import { execFileSync } from 'node:child_process';
import { chromium, type Browser } from 'playwright-core';

// Containers often run as root, where the browser's own sandbox cannot start, and give little shared memory. Nothing is asked
// of anybody but the test.
const ARGS = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the Chromium of this machine, without a window. Whoever starts it closes it. */
export async function startChromium(): Promise<Browser> {
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  return chromium.launch({ executablePath, args: ARGS });
}
