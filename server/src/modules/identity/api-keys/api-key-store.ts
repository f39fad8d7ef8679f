/** Every SQL statement about API keys. */
import type { KeySigning } from '@alcove/contract/api-keys';
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export interface ApiKeyRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly public_id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly hint: string;
  /** Counts the rotations, so that a token can say which secret made it. */
  readonly secret_version: number;
  readonly secret_hash: Buffer;
  readonly previous_hash: Buffer | null;
  readonly previous_expires_at: Date | null;
  /** How requests with this key have to be signed; null when they do not. */
  readonly signing: KeySigning | null;
  /** The shared secret that they are signed with, sealed. */
  readonly signing_secret: Buffer | null;
  readonly created_by: string | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
}

type NewRow = Pick<
  ApiKeyRow,
  | 'id'
  | 'workspace_id'
  | 'public_id'
  | 'name'
  | 'scopes'
  | 'hint'
  | 'secret_hash'
  | 'signing'
  | 'signing_secret'
  | 'created_by'
  | 'created_at'
  | 'expires_at'
>;

export async function insertApiKey(ctx: TxCtx, row: NewRow): Promise<void> {
  await sql`insert into api_key
    (id, workspace_id, public_id, name, scopes, hint, secret_hash, signing, signing_secret, created_by, created_at, expires_at)
    values (${row.id}, ${row.workspace_id}, ${row.public_id}, ${row.name}, ${JSON.stringify(row.scopes)}::text::jsonb,
      ${row.hint}, ${row.secret_hash}, ${row.signing === null ? null : JSON.stringify(row.signing)}::text::jsonb,
      ${row.signing_secret}, ${row.created_by}, ${row.created_at}, ${row.expires_at})`.execute(ctx.tx);
}

/** The key with that public id, of whichever workspace: asked before it is known who is calling. */
export async function findByPublicId(ctx: TxCtx, publicId: string): Promise<ApiKeyRow | undefined> {
  const { rows } = await sql<ApiKeyRow>`select * from api_key where public_id = ${publicId}`.execute(ctx.tx);
  return rows[0];
}

export async function listApiKeys(
  ctx: TxCtx,
  workspaceId: string,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<ApiKeyRow[]> {
  const { rows } = await sql<ApiKeyRow>`select * from api_key
    where workspace_id = ${workspaceId} and (${page.after ?? null}::uuid is null or id > ${page.after ?? null}::uuid)
    order by id limit ${page.limit}`.execute(ctx.tx);
  return rows;
}

/** The key, which nobody else changes until this transaction is over. */
export async function lockApiKey(
  ctx: TxCtx,
  workspaceId: string,
  id: string,
): Promise<ApiKeyRow | undefined> {
  const { rows } = await sql<ApiKeyRow>`select * from api_key
    where id = ${id} and workspace_id = ${workspaceId} for update`.execute(ctx.tx);
  return rows[0];
}

/** Makes the present secret the previous one. */
export async function replaceSecret(
  ctx: TxCtx,
  id: string,
  secret: { readonly hash: Buffer; readonly hint: string; readonly previousExpiresAt: Date | null },
): Promise<void> {
  const keepsPrevious = secret.previousExpiresAt !== null;
  await sql`update api_key set
      previous_hash = case when ${keepsPrevious}::boolean then secret_hash end,
      previous_expires_at = ${secret.previousExpiresAt},
      secret_hash = ${secret.hash}, hint = ${secret.hint}, secret_version = secret_version + 1
    where id = ${id}`.execute(ctx.tx);
}

/** Says whether there was one. */
export async function deleteApiKey(ctx: TxCtx, workspaceId: string, id: string): Promise<boolean> {
  const { rows } = await sql`delete from api_key
    where id = ${id} and workspace_id = ${workspaceId} returning id`.execute(ctx.tx);
  return rows.length === 1;
}

/** Deletes every key that the account made, in whichever workspace; answers them, always in the same order of workspaces. */
export async function deleteKeysMadeBy(
  ctx: TxCtx,
  accountId: string,
): Promise<Pick<ApiKeyRow, 'id' | 'workspace_id'>[]> {
  const { rows } = await sql<Pick<ApiKeyRow, 'id' | 'workspace_id'>>`
    with gone as (delete from api_key where created_by = ${accountId} returning id, workspace_id)
    select id, workspace_id from gone order by workspace_id, id`.execute(ctx.tx);
  return rows;
}

export async function recordKeysUsed(ctx: TxCtx, ids: readonly string[], at: Date): Promise<void> {
  await sql`update api_key set last_used_at = ${at}
    where id in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))
      and (last_used_at is null or last_used_at < ${at})`.execute(ctx.tx);
}
