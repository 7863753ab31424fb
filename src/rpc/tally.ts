const SAY_EVERY_MS = 10_000;

/**
 * Says that something happens, but not each time: whoever attacks must not fill the log as well. What it gives is called
 * for each; `say` hears of the first at once, and of how many came since after a while, for as long as they come.
 */
export function createTally(say: (count: number) => void, everyMs: number = SAY_EVERY_MS): () => void {
  let count = 0;
  let isQuiet = true;
  const flush = () => {
    isQuiet = count === 0;
    if (isQuiet) return;
    say(count);
    count = 0;
    setTimeout(flush, everyMs).unref();
  };
  return () => {
    count += 1;
    if (isQuiet) flush();
  };
}
