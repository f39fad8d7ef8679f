/** What is left of a time limit that begins now. */
export function countdown(ms: number): () => number {
  const endsAt = performance.now() + ms;
  return () => Math.ceil(endsAt - performance.now());
}
