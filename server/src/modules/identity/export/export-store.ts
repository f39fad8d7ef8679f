/** What the control database knows of an account, for its owner to keep. Hashes of secrets stay here. */
import { type RawBuilder, sql } from 'kysely';
import type { AccountActor, TxCtx } from '../../../context.ts';

export interface Known {
  readonly account: readonly unknown[];
  readonly devices: readonly unknown[];
  readonly deviceLog: readonly unknown[];
  readonly keys: readonly unknown[];
  readonly keyShares: readonly unknown[];
  readonly sessions: readonly unknown[];
  readonly signIns: readonly unknown[];
  readonly workspaces: readonly unknown[];
}

export async function readKnown(ctx: TxCtx<AccountActor>): Promise<Known> {
  const { accountId: id } = ctx.actor;
  const list = async (query: RawBuilder<unknown>) => (await query.execute(ctx.tx)).rows;
  return {
    account: await list(sql`select id, kind, email, email_verified_at, display_name, created_at, expires_at
      from account where id = ${id}`),
    devices:
      await list(sql`select id, kind, name, platform, encryption_key, signing_key, fingerprint, endorsed_by,
      created_at, last_seen_at, revoked_at, recovery_blob from device where account_id = ${id} order by id`),
    deviceLog: await list(sql`select position, hash, entry from device_log
      where account_id = ${id} order by position`),
    keys: await list(sql`select epoch, minted_by, recovery, created_at from key_epoch
      where account_id = ${id} order by epoch`),
    keyShares: await list(sql`select epoch, device_id, wrapped from key_share
      where account_id = ${id} order by epoch, device_id`),
    sessions: await list(sql`select id, device_id, user_agent, created_at, last_seen_at, ended_at from session
      where account_id = ${id} order by id`),
    signIns: await list(sql`select provider, subject, email, created_at from oauth_identity
      where account_id = ${id} order by provider, subject`),
    workspaces:
      await list(sql`select w.id, w.name, w.created_at, m.role, m.personal, m.created_at as member_since
      from member m join workspace w on w.id = m.workspace_id where m.account_id = ${id} order by w.id`),
  };
}
