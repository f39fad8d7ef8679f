/** Reads a whole vault for its owner to keep, page by page. */
import type { Kind } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { readPage } from './pull.ts';
import { createVaultStore } from './vault-store.ts';

export interface ExportInput {
  readonly afterSeq: number;
  readonly limit: number;
}

export interface ExportOutput {
  /** One item a line, as a pull shows it, deleted ones too. */
  readonly lines: Uint8Array;
  /** Where the next page begins; undefined after the last one. */
  readonly nextSeq: number | undefined;
}

const kinds: readonly Kind[] = ['entry', 'memory', 'tag'];

export function exportPage(vault: VaultDatabase, { afterSeq, limit }: ExportInput): ExportOutput {
  const store = createVaultStore(vault);
  const page = readPage(store, { kinds, limit }, { seq: afterSeq, quietUpTo: 0 });
  return {
    lines: Buffer.from(page.items.map((item) => `${item}\n`).join('')),
    nextSeq: page.hasMore ? page.lastSeq : undefined,
  };
}
