import { bytes, integer } from './kinds.ts';

const gibibyte = 2 ** 30;

/** How vaults are served, and how much one account gets. */
export const vaultSettings = {
  vaultWorkers: integer({
    name: 'ALCOVE_VAULT_WORKERS',
    what: 'Worker threads that read and write vaults and wait for the disk; as many as the machine has cores, and at least 4, unless set.',
    min: 1,
    max: 64,
    fallback: undefined,
  }),
  vaultsOpenMax: integer({
    name: 'ALCOVE_LIMIT_VAULTS_OPEN',
    what: 'Vaults held open at once, over all workers; each takes up to two file descriptors.',
    min: 1,
    max: 100_000,
    fallback: 200,
  }),
  vaultBytesMax: bytes({
    name: 'ALCOVE_LIMIT_VAULT_BYTES',
    what: 'What the items of one vault may come to together, as they travel. Deletions are taken up to 64 MiB beyond it.',
    min: 0,
    max: 2 ** 50,
    fallback: 4 * gibibyte,
  }),
  vaultItemsMax: integer({
    name: 'ALCOVE_LIMIT_VAULT_ITEMS',
    what: 'Items in one vault, those that are deleted not counted.',
    min: 0,
    max: 1_000_000_000,
    fallback: 5_000_000,
  }),
  vaultCallsMax: integer({
    name: 'ALCOVE_LIMIT_VAULT_CALLS',
    what: 'Pushes, pulls and other calls of the vault that one account may have under way at once.',
    min: 1,
    max: 10_000,
    fallback: 16,
  }),
} as const;
