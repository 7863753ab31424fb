import { performance } from 'node:perf_hooks';

/**
 * Makes a clock that tells how much time has passed and never tells too little, for a process that has to know whether
 * it was away. The monotonic clock counts while the process is stopped, the time of day while the machine sleeps.
 */
export function createElapsedClock(): () => number {
  let monotonic = performance.now();
  let wall = Date.now();
  let elapsed = 0;
  return () => {
    const nextMonotonic = performance.now();
    const nextWall = Date.now();
    elapsed += Math.max(nextMonotonic - monotonic, nextWall - wall);
    monotonic = nextMonotonic;
    wall = nextWall;
    return elapsed;
  };
}
