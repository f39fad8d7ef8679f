/** The control database's table of vaults. */
import type { AccountActor, DeviceActor, TxCtx } from '../../context.ts';
import type { VaultHome } from '../../platform/vaults/index.ts';

type Tables = {
  vault: {
    account_id: string;
    name: string;
    state: 'new' | 'ready';
    home: VaultHome;
    created_at: Date;
    schema_version: number | null;
  };
};

export interface VaultRecord {
  readonly name: string;
  readonly state: 'new' | 'ready';
}

export function findVault(ctx: TxCtx<AccountActor>): Promise<VaultRecord | undefined> {
  return ctx.tx
    .withTables<Tables>()
    .selectFrom('vault')
    .select(['name', 'state'])
    .where('account_id', '=', ctx.actor.accountId)
    .executeTakeFirst();
}

/** Two first calls may meet here; one name stays. */
export async function insertVault(
  ctx: TxCtx<DeviceActor>,
  vault: { readonly name: string; readonly home: VaultHome; readonly createdAt: Date },
): Promise<void> {
  await ctx.tx
    .withTables<Tables>()
    .insertInto('vault')
    .values({
      account_id: ctx.actor.accountId,
      name: vault.name,
      state: 'new',
      home: vault.home,
      created_at: vault.createdAt,
      schema_version: null,
    })
    .onConflict((conflict) => conflict.column('account_id').doNothing())
    .execute();
}

export async function markVaultReady(ctx: TxCtx<DeviceActor>, schemaVersion: number): Promise<void> {
  await ctx.tx
    .withTables<Tables>()
    .updateTable('vault')
    .set({ state: 'ready', schema_version: schemaVersion })
    .where('account_id', '=', ctx.actor.accountId)
    .execute();
}

/** Takes the account's vault away from it; answers its name, if there was one. */
export async function takeVault(ctx: TxCtx, accountId: string): Promise<string[]> {
  const rows = await ctx.tx
    .withTables<Tables>()
    .deleteFrom('vault')
    .where('account_id', '=', accountId)
    .returning('name')
    .execute();
  return rows.map(({ name }) => name);
}
