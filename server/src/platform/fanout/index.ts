export { createFanout } from './create.ts';
export type { Committing, Fanout } from './fanout.ts';
export { createHintedCache, type HintedCache } from './hinted-cache.ts';
