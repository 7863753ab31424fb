/** Computes for so long. */
export function spend(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}
