/** Every SQL statement about keys for outside services. */
import type { ProviderKind, ProviderSettings } from '@alcove/contract/providers';
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export interface ProviderKeyRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly kind: ProviderKind;
  readonly provider: string;
  readonly key_sealed: Buffer;
  readonly hint: string;
  readonly settings: ProviderSettings;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Which service, for what. */
export interface Slot {
  readonly workspaceId: string;
  readonly kind: ProviderKind;
  readonly provider: string;
}

/**
 * Puts a row where there is none, and answers the one that is there then. It is locked, so that the key can be encrypted
 * for the row's id and no other call puts another key there meanwhile.
 */
export async function holdRow(
  ctx: TxCtx,
  { workspaceId, kind, provider }: Slot,
  fresh: { readonly id: string; readonly at: Date },
): Promise<ProviderKeyRow> {
  const { rows } = await sql<ProviderKeyRow>`insert into provider_key
    (id, workspace_id, kind, provider, key_sealed, hint, settings, created_at, updated_at)
    values (${fresh.id}, ${workspaceId}, ${kind}, ${provider}, '', '', '{}', ${fresh.at}, ${fresh.at})
    on conflict (workspace_id, kind, provider) do update set updated_at = excluded.updated_at
    returning *`.execute(ctx.tx);
  const [row] = rows;
  if (row === undefined) throw new Error('a row that was just put is not there');
  return row;
}

export async function setKey(
  ctx: TxCtx,
  id: string,
  key: { readonly sealed: Buffer; readonly hint: string; readonly settings: ProviderSettings },
): Promise<void> {
  await sql`update provider_key set key_sealed = ${key.sealed}, hint = ${key.hint},
    settings = ${JSON.stringify(key.settings)}::text::jsonb where id = ${id}`.execute(ctx.tx);
}

export async function listProviderKeys(ctx: TxCtx, workspaceId: string): Promise<ProviderKeyRow[]> {
  const { rows } = await sql<ProviderKeyRow>`select * from provider_key
    where workspace_id = ${workspaceId} order by kind, provider`.execute(ctx.tx);
  return rows;
}

export async function findProviderKey(
  ctx: TxCtx,
  { workspaceId, kind, provider }: Slot,
): Promise<ProviderKeyRow | undefined> {
  const { rows } = await sql<ProviderKeyRow>`select * from provider_key
    where workspace_id = ${workspaceId} and kind = ${kind} and provider = ${provider}`.execute(ctx.tx);
  return rows[0];
}

/** Answers the id of the row that is gone; undefined when there was none. */
export async function deleteProviderKey(
  ctx: TxCtx,
  { workspaceId, kind, provider }: Slot,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`delete from provider_key
    where workspace_id = ${workspaceId} and kind = ${kind} and provider = ${provider} returning id`.execute(
    ctx.tx,
  );
  return rows[0]?.id;
}
