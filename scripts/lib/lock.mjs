import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inRoot } from './root.mjs';
import { Failure } from './run.mjs';

const LOCK = '.build/lock';
const POLL_MS = 200;
const WAIT_MS_MAX = 10 * 60_000;

/**
 * Runs `work` while no other process of this checkout does. A lock whose owner has died is taken over; two that take it
 * over in the same instant may both run, and then redo each other's work at worst.
 */
export async function withLock(work) {
  await takeLock();
  const release = () => rmSync(inRoot(LOCK), { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

async function takeLock() {
  mkdirSync(inRoot('.build'), { recursive: true });
  const giveUpAt = Date.now() + WAIT_MS_MAX;
  for (let attempt = 0; !tryLock(); attempt += 1) {
    const owner = lockOwner();
    if (owner === undefined || !isAlive(owner)) {
      rmSync(inRoot(LOCK), { force: true });
      continue;
    }
    if (attempt === 0) console.log(`Waiting for process ${owner}, which prepares this checkout too`);
    if (Date.now() > giveUpAt)
      throw new Failure(`Cannot prepare: process ${owner} holds ${LOCK}; delete it if it is stale`);
    await sleep(POLL_MS);
  }
}

function tryLock() {
  try {
    writeFileSync(inRoot(LOCK), String(process.pid), { flag: 'wx' });
    return true;
  } catch (err) {
    if (err.code === 'EEXIST') return false;
    throw err;
  }
}

function lockOwner() {
  try {
    return Number(readFileSync(inRoot(LOCK), 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return err.code === 'EPERM';
  }
}
