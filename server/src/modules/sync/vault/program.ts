/** What a worker can do to a vault. Imported by the threads of the pool, never by the main one. */
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { conflicts } from './conflicts.ts';
import { embeddings, usage } from './extras.ts';
import { head } from './head.ts';
import { setPolicy, settle } from './policy.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { resolve } from './resolve.ts';
import { branched, restored } from './restored.ts';
import { status } from './status.ts';
import { tidy } from './tidy.ts';

export { footprints } from './footprints.ts';

export type SyncOperations = typeof operations;

export const operations = {
  /** Does nothing but open the vault, which makes and migrates it. */
  open(_vault: VaultDatabase, _input: undefined): void {},
  push,
  pull,
  head,
  restored,
  branched,
  embeddings,
  usage,
  conflicts,
  resolve,
  setPolicy,
  settle,
  status,
  tidy,
};

/** A vault that is closed is opened for these as it lies. */
export const readings: readonly (keyof SyncOperations)[] = [
  'pull',
  'head',
  'conflicts',
  'status',
  'embeddings',
  'usage',
];
