/** What a vault holds beside its items, page by page, for its owner's archive. */
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { createVaultStore, type EmbeddingRow, type UsageRow } from './vault-store.ts';

export interface ExtrasPage {
  readonly rows: readonly unknown[];
  /** Where the next page begins; undefined behind the last. */
  readonly next: readonly string[] | undefined;
}

export interface ExtrasInput {
  /** The key of the last row that was read. */
  readonly after: readonly string[] | undefined;
  readonly limit: number;
}

export function embeddings(vault: VaultDatabase, { after = ['', ''], limit }: ExtrasInput): ExtrasPage {
  const [itemId = '', model = ''] = after;
  const rows = createVaultStore(vault).listEmbeddings({ itemId, model, limit });
  return pageOf(rows, limit, embeddingOf, (row) => [row.item_id, row.model]);
}

export function usage(vault: VaultDatabase, { after = [''], limit }: ExtrasInput): ExtrasPage {
  const rows = createVaultStore(vault).listUsage({ id: after[0] ?? '', limit });
  return pageOf(rows, limit, usageOf, (row) => [row.id]);
}

function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  render: (row: Row) => unknown,
  keyOf: (row: Row) => readonly string[],
): ExtrasPage {
  const last = rows.at(-1);
  return {
    rows: rows.map(render),
    next: rows.length < limit || last === undefined ? undefined : keyOf(last),
  };
}

function embeddingOf({ item_id, model, dimensions, epoch, vector, updated_at }: EmbeddingRow) {
  const sealed = Buffer.from(vector).toString('base64url');
  return { itemId: item_id, model, dimensions, epoch, vector: sealed, updatedAt: updated_at };
}

function usageOf({ id, at, provider, model, request_id, ...counts }: UsageRow) {
  const { input_tokens: inputTokens, output_tokens: outputTokens, cost_micros: costMicros } = counts;
  return { id, at, provider, model, inputTokens, outputTokens, costMicros, requestId: request_id };
}
